//! What a service manager such as systemd is told (sd_notify(3)): that the node serves, that it lives, that it leaves.
//!
//! It is asked for with `NOTIFY_SOCKET` and `WATCHDOG_USEC` in the environment; without them nothing happens. All is said
//! from the node's own thread, so that a node that hangs falls silent and is started again.

use sd_notify::NotifyState;

use crate::net::Handle;

/// Says that this node serves, and from then on that it lives, twice as often as is asked for.
pub(super) async fn keep_telling(node: Handle) {
    let status = node.view(|view, _| format!("node {} serves", view.id()));
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else { return };
    let mut beat = tokio::time::interval(limit / 2);
    // A beat that is late must not be made up for: it is the gap that the manager is to see.
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let status = node.view(|view, _| match view.ready() {
            Ok(()) => format!("node {} serves", view.id()),
            Err(reason) => format!("node {} is not ready: {reason}", view.id()),
        });
        tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
    }
}

/// Says that this node leaves, so that the manager waits for its last words.
pub(super) fn tell_leaving() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState]) {
    // Without a manager this does nothing; with one that does not listen there is nobody else to tell.
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("the service manager was not told: {error}");
    }
}
