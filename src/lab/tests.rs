//! Shapes, records and differences, without any process.
