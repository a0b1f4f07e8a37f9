//! Asking many nodes at once, but never more than a bounded number of them.

use std::future::Future;

use tokio::task::JoinSet;

/// Calls `ask` for every item, at most `at_once` of them at a time, and returns the answers in the items' order.
///
/// Must run inside a `LocalSet`, as everything in an actix system does: the HTTP client stays on its thread.
pub async fn gather<I, T, F, A>(items: I, at_once: usize, ask: F) -> Vec<T>
where
    I: IntoIterator,
    F: Fn(I::Item) -> A,
    A: Future<Output = T> + 'static,
    T: 'static,
{
    let mut waiting = items.into_iter().map(ask).enumerate();
    let mut running = JoinSet::new();
    let mut answers: Vec<(usize, T)> = Vec::new();
    loop {
        while running.len() < at_once.max(1) {
            let Some((place, call)) = waiting.next() else { break };
            running.spawn_local(async move { (place, call.await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok(answer)) => answers.push(answer),
            // Nothing aborts these tasks, so a failed one has panicked; it goes on where the caller sees it.
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => continue,
            },
        }
    }
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
