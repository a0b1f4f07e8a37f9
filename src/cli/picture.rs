//! Files of graphs: SVG, PNG or DOT, by the file's ending.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::failure::Failure;
use crate::plot::{DrawOptions, Scene, draw_graph};
use crate::topology::{Graph, to_dot};

/// Pixels of a PNG per unit of the picture: sharp on fine screens.
const PNG_SCALE: f32 = 2.0;

/// A file to draw into, whose ending says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    path: PathBuf,
    form: PictureForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PictureForm {
    Svg,
    Png,
    Dot,
}

impl FromStr for PictureFile {
    type Err = String;

    fn from_str(text: &str) -> Result<PictureFile, String> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let form = match ending.as_deref() {
            Some("svg") => PictureForm::Svg,
            Some("png") => PictureForm::Png,
            Some("dot") => PictureForm::Dot,
            _ => return Err("the file must end in .svg, .png or .dot".to_owned()),
        };
        Ok(PictureFile { path, form })
    }
}

impl PictureFile {
    /// The file that is meant when none is given: `NAME.svg` in the current folder.
    pub fn named_after(network: &str) -> PictureFile {
        PictureFile { path: PathBuf::from(format!("{network}.svg")), form: PictureForm::Svg }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Draws a graph into it; node `i` has the number `labels[i]`.
    pub fn draw(&self, title: &str, labels: &[u64], graph: &Graph) -> Result<(), Failure> {
        self.write(|| to_dot(graph, labels), || scene(title, labels, graph))
    }

    /// Writes whichever of the two the file's form asks for.
    pub fn write(&self, dot: impl FnOnce() -> String, scene: impl FnOnce() -> Scene) -> Result<(), Failure> {
        let bytes = match self.form {
            PictureForm::Dot => dot().into_bytes(),
            PictureForm::Svg => scene().to_svg().into_bytes(),
            PictureForm::Png => {
                let png = scene().to_png(PNG_SCALE);
                png.map_err(|error| Failure::No(error.to_string()))?
            }
        };
        fs::write(&self.path, bytes)
            .map_err(|error| Failure::No(format!("cannot write {}: {error}", self.path.display())))
    }
}

fn scene(title: &str, labels: &[u64], graph: &Graph) -> Scene {
    let names: Vec<String> = labels.iter().map(u64::to_string).collect();
    let edges: Vec<(usize, usize)> = graph.edges().collect();
    let distances = graph.distances();
    let mut caption = format!("{} nodes, {} links", graph.node_count(), graph.edge_count());
    if graph.is_connected() {
        caption.push_str(&format!(", mean distance {:.2}, diameter {}", distances.mean, distances.diameter));
    } else {
        caption.push_str(&format!(", in {} parts", graph.components().len()));
    }
    let options = DrawOptions { title: Some(title.to_owned()), caption: Some(caption), ..DrawOptions::default() };
    draw_graph(&names, &edges, &options)
}
