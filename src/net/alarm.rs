//! The one timer of a node: its next deadline, and the time limits of the calls that it makes.
//!
//! The runtime's timers are wheels: one that is further away than 64 ms is moved between them first, and each such move
//! wakes the process; setting one that is the next wakes it once more. A node that idles does nothing else, so it was woken
//! twice as often as it had something to do (docs/performance.md). A timer of the kernel's (timerfd_create(2)) fires once,
//! when it is due.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer with one deadline of the node's and any number of time limits.
pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    /// When the node is to be woken.
    deadline: Cell<Option<Instant>>,
    /// Who waits for what no longer than until when, in the order of time; the number tells equal ones apart.
    limits: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next: Cell<u64>,
    set_to: Cell<Option<Instant>>,
}

/// The time was over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

/// A place among the limits, which is left when this is dropped.
struct Place<'a> {
    alarm: &'a Alarm,
    key: (Instant, u64),
}

impl Place<'_> {
    fn wake_by(&self, waker: &Waker) {
        // It is there until the time is over, and whoever waits looks at the time first.
        if let Some(known) = self.alarm.limits.borrow_mut().get_mut(&self.key) {
            known.clone_from(waker);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.alarm.limits.borrow_mut().remove(&self.key);
    }
}

impl Alarm {
    /// A timer that is not set, for the runtime of this thread.
    ///
    /// # Errors
    /// When the system has no more timers or files.
    pub(super) fn new() -> io::Result<Alarm> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // What replaces it has to be called as unsafe code, of which there is none here; an owned descriptor fulfils what
        // that asks for.
        #[expect(deprecated)]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Alarm {
            timer,
            deadline: Cell::new(None),
            limits: RefCell::default(),
            next: Cell::new(0),
            set_to: Cell::new(None),
        })
    }

    /// From now on the node is to be woken at this moment and no other.
    pub(super) fn set(&self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
        self.adjust();
    }

    /// Waits until the node is to be woken; the deadline is over then.
    pub(super) async fn due(&self) {
        loop {
            // Nothing is read: setting the timer anew takes its mark away, and only a change is ever reported.
            match self.timer.readable().await {
                Ok(mut fired) => fired.clear_ready(),
                // The runtime ends.
                Err(_) => return std::future::pending().await,
            }
            self.set_to.set(None);
            let now = Instant::now();
            while let Some(limit) = self.limits.borrow_mut().first_entry().filter(|limit| limit.key().0 <= now) {
                limit.remove().wake();
            }
            let due = self.deadline.get().is_some_and(|deadline| deadline <= now);
            if due {
                self.deadline.set(None);
            }
            self.adjust();
            if due {
                return;
            }
        }
    }

    /// What comes of `work`, if it comes within `limit`. It stays where its caller has it: moved in here, it would take its
    /// space a second time.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn limited<T>(
        &self,
        limit: Duration,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, Over> {
        let end = Instant::now() + limit;
        let mut place: Option<Place<'_>> = None;
        poll_fn(|context| {
            if let Poll::Ready(result) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(result));
            }
            if Instant::now() >= end {
                return Poll::Ready(Err(Over));
            }
            match &place {
                Some(place) => place.wake_by(context.waker()),
                None => place = Some(self.place(end, context.waker().clone())),
            }
            Poll::Pending
        })
        .await
    }

    fn place(&self, end: Instant, waker: Waker) -> Place<'_> {
        let key = (end, self.next.get());
        self.next.set(key.1 + 1);
        self.limits.borrow_mut().insert(key, waker);
        self.adjust();
        Place { alarm: self, key }
    }

    /// Sets the timer to what comes first. A limit that was kept in time leaves it as it is: the node's deadline comes
    /// sooner as a rule, and sets it anew.
    fn adjust(&self) {
        let limit = self.limits.borrow().first_key_value().map(|((end, _), _)| *end);
        let first = [limit, self.deadline.get()].into_iter().flatten().min();
        if first == self.set_to.get() {
            return;
        }
        let value = first.map_or(Duration::ZERO, |first| {
            // Zero would mean never.
            first.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1))
        });
        let it_value = Timespec {
            tv_sec: i64::try_from(value.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(value.subsec_nanos()),
        };
        let setting = Itimerspec { it_interval: Timespec::default(), it_value };
        match timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting) {
            Ok(_) => self.set_to.set(first),
            // The arguments are always valid, and a timer once made stays.
            Err(error) => log::error!("the timer is not set: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::rc::Rc;

    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn within<T>(work: impl AsyncFnOnce(Rc<Alarm>) -> T) -> T {
        actix_rt::System::new().block_on(async { work(Rc::new(Alarm::new().unwrap())).await })
    }

    fn in_ms(ms: u64) -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(ms))
    }

    #[test]
    fn it_is_due_at_the_deadline_and_once() {
        within(async |alarm| {
            for ms in [0, 5, 150] {
                let deadline = in_ms(ms);
                alarm.set(deadline);
                assert!(timeout(LONG, alarm.due()).await.is_ok());
                assert!(Instant::now() >= deadline.unwrap());
                assert!(timeout(Duration::from_millis(20), alarm.due()).await.is_err());
            }
        });
    }

    #[test]
    fn the_last_setting_counts_be_it_sooner_or_later_or_none() {
        within(async |alarm| {
            alarm.set(in_ms(30_000));
            alarm.set(in_ms(5));
            assert!(timeout(LONG, alarm.due()).await.is_ok());
            alarm.set(in_ms(5));
            let later = in_ms(60);
            alarm.set(later);
            assert!(timeout(LONG, alarm.due()).await.is_ok());
            assert!(Instant::now() >= later.unwrap());
            alarm.set(in_ms(5));
            alarm.set(None);
            assert!(timeout(Duration::from_millis(30), alarm.due()).await.is_err());
        });
    }

    #[test]
    fn limits_end_work_in_their_order_and_what_is_done_in_time_leaves_none() {
        within(async |alarm| {
            let ticking = alarm.clone();
            actix_rt::spawn(async move { ticking.due().await });
            assert_eq!(alarm.limited(LONG, pin!(ready(1))).await, Ok(1));
            let quick = Duration::from_millis(5);
            assert_eq!(alarm.limited(LONG, pin!(tokio::time::sleep(quick))).await, Ok(()));
            assert!(alarm.limits.borrow().is_empty());
            let (long, short) = (Duration::from_millis(40), Duration::from_millis(10));
            let began = Instant::now();
            let (slow, slower) = (pin!(pending::<()>()), pin!(pending::<()>()));
            let both = tokio::join!(alarm.limited(long, slower), async {
                let ended = alarm.limited(short, slow).await;
                (ended, alarm.limits.borrow().len())
            });
            assert_eq!(both, (Err(Over), (Err(Over), 1)));
            assert!(began.elapsed() >= long);
            assert!(alarm.limits.borrow().is_empty());
        });
    }
}
