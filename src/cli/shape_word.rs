//! A word of SHAPE: shells offer the names of shapes, and what else belongs to one is taken as well.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use crate::lab::Shape;

/// Reads a word; [`Shape::parse`] says what all of them mean.
#[derive(Clone)]
pub struct ShapeWord;

impl TypedValueParser for ShapeWord {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        word: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, word)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Shape::NAMES.iter().map(PossibleValue::new)))
    }
}
