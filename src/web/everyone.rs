//! The text of `GET /state`, kept from one answer to the next for as long as it is true.
//!
//! In a large network it has millions of bytes, and many ask for it: making it anew for each would take this thread from the
//! messages. What it is made of has a revision (`Table::revision`); nothing is made again while that stands still. One text
//! is kept, of which all answers under way are views, so that memory is bounded by what is known.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use actix_web::web::Bytes;
use serde::Serializer as _;

use super::{answer, etag};
use crate::net::{Clock, Handle, lent_state_report};
use crate::protocol::{Entry, Time, View};

/// Bytes of one node with a short payload.
const USUAL_LENGTH: usize = 192;

/// The newest text, if anybody has asked.
#[derive(Default)]
pub(super) struct Everyone(RefCell<Option<Rc<Text>>>);

/// What is known of all nodes, as JSON.
pub(super) struct Text {
    /// Of what it was made: the table's revision, and whether this node's own entry shows a conflict.
    made_of: (u64, bool),
    compact: Bytes,
    pretty: OnceCell<Bytes>,
    tag: String,
}

impl Everyone {
    /// The text as of now.
    pub(super) fn text(&self, node: &Handle) -> Rc<Text> {
        let clock = node.clock();
        node.view(|view, now| {
            let made_of = (view.table().revision(), view.has_conflict(now));
            let mut kept = self.0.borrow_mut();
            if let Some(text) = kept.as_ref().filter(|text| text.made_of == made_of) {
                return text.clone();
            }
            let compact = write_states(view, now, clock, |_| true);
            let tag = etag::tag_of_text(&compact);
            let text = Rc::new(Text { made_of, compact: compact.into(), pretty: OnceCell::new(), tag });
            *kept = Some(text.clone());
            text
        })
    }
}

impl Text {
    /// Names what it says.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The JSON, laid out for people or not.
    pub(super) fn json(&self, pretty: bool) -> Bytes {
        if pretty {
            self.pretty.get_or_init(|| answer::pretty(&self.compact).into()).clone()
        } else {
            self.compact.clone()
        }
    }
}

/// The nodes that are meant, by their ids, as JSON.
pub(super) fn write_states(view: View<'_>, now: Time, clock: Clock, meant: impl Fn(&Entry) -> bool) -> Vec<u8> {
    let entries = view.table().iter().filter(|(_, entry)| meant(entry));
    let reports = entries.filter_map(|(id, entry)| Some((id, lent_state_report(view, now, id, entry, clock)?)));
    let mut text = Vec::with_capacity(USUAL_LENGTH * view.table().len());
    // None of our records can fail to become JSON, and a list of bytes takes all.
    let written = serde_json::Serializer::new(&mut text).collect_map(reports);
    debug_assert!(written.is_ok());
    text
}
