//! SIGHUP: seeds, tokens, certificates and allowed keys are read again, while connections and the node go on.
//!
//! Each file is read whole and checked before it takes effect. One that cannot be used is reported, and what was read from it
//! before goes on counting: a slip of the pen must not shut a node out, nor open it.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};

use super::access::AccessSettings;
use super::{key_files, seeds};
use crate::http::{Client, SOON, Tls, Tokens};
use crate::net::{Clock, Handle};
use crate::protocol::{NodeId, Request, Response};
use crate::web::Access;

/// How often a running node looks whether its certificate ends soon.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// What can change while the node runs, and where it comes from.
pub(super) struct Reloader {
    pub(super) node: Handle,
    pub(super) client: Client,
    pub(super) access: Rc<Access>,
    pub(super) settings: AccessSettings,
    pub(super) seeds_file: Option<PathBuf>,
    /// What the file of seeds held when it was last read.
    pub(super) seeds: Vec<NodeId>,
}

impl Reloader {
    /// Reads everything again at each SIGHUP, for ever.
    pub(super) async fn run(mut self) {
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => return log::error!("SIGHUP cannot be heard: {error}"),
        };
        loop {
            tokio::select! {
                heard = hangups.recv() => match heard {
                    Some(()) => self.reload(),
                    None => return,
                },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Some(tls) = &self.settings.tls {
                tell_of_expiry(tls);
            }
        }
    }

    fn reload(&mut self) {
        log::info!("SIGHUP: reading seeds, tokens, certificates and keys again");
        self.reload_tokens();
        if let Some(tls) = &self.settings.tls
            && let Err(error) = tls.reload()
        {
            log::error!("the certificates stay as they were: {error}");
        }
        if let Some(file) = &self.settings.allowed_keys_file {
            match key_files::read_allowed(file) {
                Ok(keys) => drop(self.node.instruct(Request::AllowKeys(Some(keys)))),
                Err(error) => log::error!("the allowed keys stay as they were: {error}"),
            }
        }
        self.reload_seeds();
    }

    fn reload_tokens(&mut self) {
        for (file, held) in [
            (&self.settings.token_file, &mut self.settings.tokens),
            (&self.settings.read_token_file, &mut self.settings.read_tokens),
        ] {
            let Some(file) = file else { continue };
            match Tokens::read(file) {
                Ok(tokens) => *held = Some(tokens),
                Err(error) => log::error!("the tokens stay as they were: {error}"),
            }
        }
        let (tokens, read_tokens) = (self.settings.tokens.clone(), self.settings.read_tokens.clone());
        self.client.set_token(tokens.as_ref().map(Tokens::to_send).as_ref());
        self.access.set_tokens(tokens, read_tokens);
    }

    fn reload_seeds(&mut self) {
        let Some(file) = &self.seeds_file else { return };
        let read = match seeds::read(file, self.node.door().form) {
            Ok(read) => read,
            Err(error) => return log::error!("the seeds stay as they were: {error:#}"),
        };
        let (own, held) = self.node.view(|view, _| (view.id().clone(), view.seeds().cloned().collect::<Vec<_>>()));
        let gone = self.seeds.iter().filter(|id| !read.contains(id) && held.contains(id));
        let gone: Vec<NodeId> = gone.cloned().collect();
        let new = read.iter().filter(|id| !held.contains(id) && **id != own).cloned().collect();
        self.node.instruct(Request::RemoveSeeds(gone.clone()));
        match self.node.instruct(Request::AddSeeds(new)) {
            Response::Refused(refusal) => {
                self.node.instruct(Request::AddSeeds(gone));
                log::error!("the seeds stay as they were: --seeds-file: {refusal}");
            }
            _ => self.seeds = read,
        }
    }
}

/// Says until when the certificate is valid, loudly if that is soon.
pub(super) fn tell_of_expiry(tls: &Tls) {
    let Some(until) = tls.valid_until() else { return };
    let day = Clock::rfc3339_of(until);
    match until.duration_since(SystemTime::now()) {
        Err(_) => log::error!("THE CERTIFICATE OF THIS NODE HAS EXPIRED on {day}: no other node takes it any more"),
        Ok(left) if left < SOON => {
            log::warn!(
                "the certificate of this node expires in {} days, on {day}: renew it, and send SIGHUP",
                left.as_secs() / 86_400
            );
        }
        Ok(_) => log::info!("the certificate of this node is valid until {day}"),
    }
}
