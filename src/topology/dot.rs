//! A reader for undirected graphs in Graphviz's dot language.
//!
//! It takes what matters for who is linked to whom: node and edge statements,
//! chains, groups in braces, quoted numbers. Attributes, ports, HTML texts and
//! comments are skipped. It is stricter than Graphviz in one respect: a node
//! must be a positive whole number.
//!
//! The input may be anything; nesting is bounded, so no text can exhaust the
//! stack. What the links amount to is checked in `graph_file`; the words of
//! the language are told apart in `dot::words`.

mod words;

use self::words::{Kind, Word, Words};
use super::graph_file::{GraphFileError, Links, node_number};

/// How deep groups in braces may be nested.
const DEPTH_LIMIT: usize = 16;

/// Whether the first word of `text`, after comments, starts a dot graph.
pub(super) fn looks_like_dot(text: &str) -> bool {
    matches!(
        Words::new(text).next(),
        Ok(Word { kind: Kind::Name(name), .. })
            if ["strict", "graph", "digraph"].iter().any(|word| name.eq_ignore_ascii_case(word))
    )
}

/// Reads the links of the dot graph `text` into `links`.
pub(super) fn read(text: &str, links: &mut Links) -> Result<(), GraphFileError> {
    let mut words = Words::new(text);
    let mut reader = Reader { ahead: words.next()?, words, links };
    reader.graph()
}

/// A reader that has looked one word ahead.
struct Reader<'t, 'l> {
    words: Words<'t>,
    ahead: Word<'t>,
    links: &'l mut Links,
}

impl<'t> Reader<'t, '_> {
    /// Takes the word ahead and looks at the one after it.
    fn take(&mut self) -> Result<Word<'t>, GraphFileError> {
        let next = self.words.next()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    /// Takes the word ahead if it is of this kind.
    fn take_if(&mut self, kind: &Kind<'_>) -> Result<bool, GraphFileError> {
        let fits = self.ahead.kind == *kind;
        if fits {
            self.take()?;
        }
        Ok(fits)
    }

    /// Whether the word ahead is this keyword, in any mixture of cases.
    fn at_keyword(&self, keyword: &str) -> bool {
        matches!(&self.ahead.kind, Kind::Name(name) if name.eq_ignore_ascii_case(keyword))
    }

    /// The error that something else than the word ahead was expected.
    fn unexpected<T>(&self, expected: &'static str) -> Result<T, GraphFileError> {
        Err(GraphFileError::Syntax { line: self.ahead.line, expected, found: self.ahead.kind.description() })
    }

    /// `[strict] graph [name] { statements }`.
    fn graph(&mut self) -> Result<(), GraphFileError> {
        if self.at_keyword("strict") {
            self.take()?;
        }
        if self.at_keyword("digraph") {
            let line = self.ahead.line;
            return Err(GraphFileError::Directed { line });
        }
        if !self.at_keyword("graph") {
            return self.unexpected("\"graph\"");
        }
        self.take()?;
        if self.ahead.kind.text().is_some() {
            self.take()?;
        }
        if self.ahead.kind != Kind::OpenBrace {
            return self.unexpected("\"{\" after \"graph\" and its name");
        }
        self.group(0)?;
        match self.ahead.kind {
            Kind::End => Ok(()),
            _ => self.unexpected("the end of the file after the closing \"}\""),
        }
    }

    /// `{ statements }`; answers with the nodes named in it.
    fn group(&mut self, depth: usize) -> Result<Vec<u64>, GraphFileError> {
        let line = self.take()?.line;
        if depth > DEPTH_LIMIT {
            return Err(GraphFileError::TooDeep { line, limit: DEPTH_LIMIT });
        }
        let mut nodes = Vec::new();
        loop {
            match self.ahead.kind {
                Kind::CloseBrace => {
                    self.take()?;
                    // A group names each node once, however often it is used.
                    nodes.sort_unstable();
                    nodes.dedup();
                    return Ok(nodes);
                }
                Kind::End => {
                    return Err(GraphFileError::Unended { line, what: "a \"{\"" });
                }
                Kind::Semicolon | Kind::Comma => {
                    self.take()?;
                }
                _ => self.statement(depth, &mut nodes)?,
            }
        }
    }

    /// A setting (`name = value`, `node [..]`) or nodes joined by `--`.
    fn statement(&mut self, depth: usize, nodes: &mut Vec<u64>) -> Result<(), GraphFileError> {
        if ["graph", "node", "edge"].iter().any(|word| self.at_keyword(word)) {
            self.take()?;
            if self.take_if(&Kind::Equals)? {
                self.take()?;
            }
            return self.attributes();
        }
        let Some(mut left) = self.end_of_link(depth)? else {
            return Ok(());
        };
        nodes.extend(&left);
        loop {
            let line = self.ahead.line;
            if self.ahead.kind == Kind::Arrow {
                return Err(GraphFileError::Directed { line });
            }
            if !self.take_if(&Kind::Dashes)? {
                break;
            }
            let Some(right) = self.end_of_link(depth)? else {
                return self.unexpected("a node after \"--\"");
            };
            for &a in &left {
                for &b in &right {
                    self.links.link(line, a, b)?;
                }
            }
            nodes.extend(&right);
            left = right;
        }
        self.attributes()
    }

    /// A node or a group; `None` after a setting like `name = value`, which
    /// cannot be told apart by its first word.
    fn end_of_link(&mut self, depth: usize) -> Result<Option<Vec<u64>>, GraphFileError> {
        if self.at_keyword("subgraph") {
            self.take()?;
            if self.ahead.kind.text().is_some() {
                self.take()?;
            }
            if self.ahead.kind != Kind::OpenBrace {
                return self.unexpected("\"{\" after \"subgraph\" and its name");
            }
        }
        if self.ahead.kind == Kind::OpenBrace {
            return self.group(depth + 1).map(Some);
        }
        if self.ahead.kind.text().is_none() {
            return self.unexpected("a node, a setting or \"}\"");
        }
        let word = self.take()?;
        if self.take_if(&Kind::Equals)? {
            if self.ahead.kind.text().is_none() && self.ahead.kind != Kind::Html {
                return self.unexpected("a value after \"=\"");
            }
            self.take()?;
            return Ok(None);
        }
        let node = node_number(word.line, word.kind.text().unwrap_or_default())?;
        self.links.node(node);
        // A port, as in `1:north`, is where the link touches the drawing.
        while self.take_if(&Kind::Colon)? {
            self.take()?;
        }
        Ok(Some(vec![node]))
    }

    /// Any number of `[ ... ]`, skipped.
    fn attributes(&mut self) -> Result<(), GraphFileError> {
        while self.ahead.kind == Kind::OpenBracket {
            let line = self.take()?.line;
            while !self.take_if(&Kind::CloseBracket)? {
                if matches!(self.ahead.kind, Kind::End | Kind::OpenBrace | Kind::CloseBrace) {
                    return Err(GraphFileError::Unended { line, what: "a \"[\"" });
                }
                self.take()?;
            }
        }
        Ok(())
    }
}
