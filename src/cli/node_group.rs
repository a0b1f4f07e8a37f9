//! Several nodes of the network: `1-8`, `1,3,5-7`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A group of node numbers as typed; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGroup {
    /// The numbers.
    pub numbers: BTreeSet<u16>,
}

impl FromStr for NodeGroup {
    type Err = String;

    fn from_str(text: &str) -> Result<NodeGroup, String> {
        let wrong = || format!("{text:?} is no group of nodes: write it as 3, 1-8 or 1,3,5-8, smaller numbers first");
        let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
        let mut numbers = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
            if first > last {
                return Err(wrong());
            }
            numbers.extend(first..=last);
        }
        Ok(NodeGroup { numbers })
    }
}

impl fmt::Display for NodeGroup {
    /// `1-3,5`: runs of numbers as ranges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for number in &self.numbers {
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
                _ => runs.push((*number, *number)),
            }
        }
        let run = |(first, last): (u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        f.write_str(&runs.into_iter().map(run).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_are_shown_as_they_are_typed_at_best() {
        for (typed, shown) in [("1-8", "1-8"), ("5", "5"), ("3,1,2,9", "1-3,9"), ("1-3,2-5", "1-5"), ("65535", "65535")]
        {
            assert_eq!(typed.parse::<NodeGroup>().unwrap().to_string(), shown);
        }
        for wrong in ["", "0", "8-1", "1-", "-1", "1,,2", "a", "1-2-3", "65536"] {
            assert!(wrong.parse::<NodeGroup>().is_err(), "{wrong} was taken");
        }
    }
}
