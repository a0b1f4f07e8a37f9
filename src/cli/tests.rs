//! Parsing of arguments and the forms of text.
