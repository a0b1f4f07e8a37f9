//! `recent` in envelopes and their answers: what was not pushed over a link.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Door;
use super::ids::check_form;
use super::problem::Problem;
use crate::protocol::limits::{MAX_ANNOUNCED, MAX_PATH};
use crate::protocol::{Announced, Announcement, NodeId};

/// A message that was not pushed: by its uuid, with the whole path; or by its stamp, with the path before the sender.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "neither an object of uuid and path nor a list of a stamp and ids")]
pub(super) enum AnnouncementShape<'a> {
    Uuid { uuid: Uuid, path: Cow<'a, [NodeId]> },
    Stamp(u64, Cow<'a, [NodeId]>),
}

impl<'a> AnnouncementShape<'a> {
    pub(super) fn all(announcements: &'a [Announcement]) -> Vec<AnnouncementShape<'a>> {
        let shape = |a: &'a Announcement| match (a.message, &a.path) {
            (Announced::Uuid(uuid), path) => AnnouncementShape::Uuid { uuid, path: Cow::Borrowed(path) },
            (Announced::Stamp(stamp), path) => {
                let before = path.split_last().map_or(&[][..], |(_, before)| before);
                AnnouncementShape::Stamp(stamp, Cow::Borrowed(before))
            }
        };
        announcements.iter().map(shape).collect()
    }

    pub(super) fn check_all(
        shapes: Vec<AnnouncementShape<'_>>,
        sender: &NodeId,
        door: Door,
    ) -> Result<Vec<Announcement>, Problem> {
        if shapes.len() > MAX_ANNOUNCED {
            let detail = format!("more than {MAX_ANNOUNCED} announcements");
            return Err(Problem::field("recent", detail).with_limit(MAX_ANNOUNCED as u64));
        }
        let check = |(i, shape): (usize, AnnouncementShape<'_>)| {
            let (message, path, field) = match shape {
                AnnouncementShape::Uuid { uuid, path } => (Announced::Uuid(uuid), path.into_owned(), "path"),
                AnnouncementShape::Stamp(stamp, before) => {
                    let mut path = before.into_owned();
                    path.push(sender.clone());
                    (Announced::Stamp(stamp), path, "1")
                }
            };
            let field = || format!("recent[{i}].{field}");
            if path.is_empty() || path.len() > MAX_PATH {
                let detail = format!("a path of {} ids, not of 1 to {MAX_PATH}", path.len());
                return Err(Problem::field(field(), detail).with_limit(MAX_PATH as u64));
            }
            for id in &path {
                check_form(door.form, id, field)?;
            }
            Ok(Announcement { message, path: path.into() })
        };
        shapes.into_iter().enumerate().map(check).collect()
    }
}
