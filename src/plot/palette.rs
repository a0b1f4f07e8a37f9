//! The colours of a picture.
//!
//! The node colours follow the palette of Okabe and Ito, which people with any
//! common kind of colour blindness can tell apart. No class is told by colour
//! alone: each also has a sign in its shape and its name in the node's title.
//!
//! What makes a node suspect or down is known to the caller only; here a class
//! is a look and a word. Where the signs are drawn is in `draw`.

use super::scene::Colour;

/// How a node looks, by what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum NodeClass {
    /// Nothing in particular: blue.
    #[default]
    Plain,
    /// It answers: green.
    Alive,
    /// It may be down: amber, with a ring around it.
    Suspect,
    /// It does not answer: red, with a cross behind it.
    Down,
    /// It left on its own accord: a grey outline.
    Left,
}

impl NodeClass {
    /// All classes, in the order of a legend.
    pub(super) const ALL: [Self; 5] = [Self::Plain, Self::Alive, Self::Suspect, Self::Down, Self::Left];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Left => "left",
        }
    }

    pub(super) fn fill(self) -> Colour {
        match self {
            Self::Plain => Colour(0, 103, 165),
            Self::Alive => Colour(0, 128, 94),
            Self::Suspect => Colour(245, 185, 66),
            Self::Down => Colour(200, 70, 0),
            Self::Left => Colour::WHITE,
        }
    }

    /// The outline, and the sign of the class where it has one.
    pub(super) fn outline(self) -> Colour {
        match self {
            Self::Plain => Colour(0, 70, 115),
            Self::Alive => Colour(0, 88, 64),
            Self::Suspect => Colour(150, 95, 0),
            Self::Down => Colour(130, 40, 0),
            Self::Left => Colour(130, 138, 148),
        }
    }

    /// The colour of the label on the fill.
    pub(super) fn label(self) -> Colour {
        match self {
            Self::Plain | Self::Alive | Self::Down => Colour::WHITE,
            Self::Suspect => Colour(45, 28, 0),
            Self::Left => Colour(85, 92, 102),
        }
    }
}

/// A short link.
pub(super) const LINK: Colour = Colour(88, 104, 122);

/// The longest link; the others are mixtures.
pub(super) const LONG_LINK: Colour = Colour(176, 188, 200);

/// The title.
pub(super) const TITLE: Colour = Colour(28, 38, 50);

/// The caption and the legend.
pub(super) const CAPTION: Colour = Colour(84, 96, 110);
