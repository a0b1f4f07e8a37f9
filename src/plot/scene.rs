//! A picture as a list of shapes, before it becomes SVG or PNG.
//!
//! Lengths are in units of one pixel at scale 1; x grows to the right and y
//! downwards from the upper left corner. Shapes are drawn in order, later ones
//! over earlier ones, on a white ground.
//!
//! A scene knows no graphs; `draw` makes one from a graph. It knows no file
//! format either; see `svg` and `png`.

use std::ops::{Add, Mul, Sub};

/// A place in a picture, or a step from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// The place `x` to the right and `y` below the upper left corner.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The length of the step.
    #[must_use]
    pub fn length(self) -> f64 {
        self.x.hypot(self.y)
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// An opaque colour: red, green and blue from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// White, the ground of every picture.
    pub const WHITE: Self = Self(255, 255, 255);

    /// A mixture: `self` for a part of 0, `other` for a part of 1.
    #[must_use]
    pub fn mixed(self, other: Self, part: f64) -> Self {
        let mix = |a: u8, b: u8| {
            let value = f64::from(a) + (f64::from(b) - f64::from(a)) * part.clamp(0.0, 1.0);
            value.round() as u8
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// How a line is drawn; its ends are round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// The colour along the line.
    pub colour: Colour,
    /// The width of the line.
    pub width: f64,
}

/// Which point of a text is at its place; always on the base line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// The middle between its ends.
    Middle,
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled circle.
    Circle {
        /// Where its centre is.
        centre: Point,
        /// Half its width, up to the middle of the outline.
        radius: f64,
        /// What it is filled with.
        fill: Colour,
        /// The line around it, if any.
        outline: Option<Stroke>,
    },
    /// A straight line.
    Line {
        /// One end.
        from: Point,
        /// The other end.
        to: Point,
        /// How it is drawn.
        stroke: Stroke,
    },
    /// One line of text in the built-in stroke font.
    Text {
        /// What it says; characters the font lacks become boxes.
        text: String,
        /// Where it is, on the base line.
        at: Point,
        /// Which of its points is there.
        anchor: Anchor,
        /// The height of a capital letter.
        size: f64,
        /// The colour and width of the letters' strokes.
        stroke: Stroke,
    },
    /// Shapes that belong together, with a name shown when pointed at.
    Group {
        /// The name.
        title: String,
        /// What belongs to it.
        shapes: Vec<Shape>,
    },
}

/// A whole picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// How wide it is; above 0.
    pub width: f64,
    /// How high it is; above 0.
    pub height: f64,
    /// What it is, in a few words, for those who cannot see it.
    pub title: String,
    /// What it shows, in a sentence; may be empty.
    pub description: String,
    /// What is drawn, the lowest first.
    pub shapes: Vec<Shape>,
}
