//! `GET /`: the node at a glance, as text.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::{Context, answer, text};
use crate::protocol::Record;

/// Messages shown on the page.
const SHOWN: usize = 10;

/// Own state, peers, everyone's state, and the last messages with their paths.
pub(super) async fn page(context: Data<Context>) -> HttpResponse {
    let shown = answer::text(context.node.view(|view, now| {
        let own = view.table().get(view.id()).and_then(|entry| entry.state.as_ref());
        let said = own.map_or_else(|| "has not spoken yet".to_owned(), |state| text::safe(state.payload.as_str()));
        let mut last: Vec<&Record> = view.log().iter().rev().take(SHOWN).collect();
        last.reverse();
        let messages = if last.is_empty() { "none yet\n".to_owned() } else { text::messages(view.id(), &last) };
        let (id, cluster, version) = (view.id(), view.cluster(), view.version());
        format!(
            "node {id} of cluster {cluster}, version {version}: {said}\n\n\
             PEERS ({} of at most {})\n{}\n\
             EVERYONE'S STATE\n{}\n\
             LAST MESSAGES ({} of {})\n{messages}\n\
             The same as JSON: GET /state, /messages, /peers/\n",
            view.peers().count(),
            view.max_peers(),
            text::peers(view, now),
            text::table(view, now),
            last.len(),
            view.log().len(),
        )
    }));
    context.node.written(shown).await
}
