//! How long a connection may stay as it is.
//!
//! It waits for a request, reads the head of one, or answers one; each has its limit, but the last, which is the handlers'
//! affair and, for a reader who takes in nothing, the system's. The one timer of a connection is set when it opens and
//! looks, when it ends, what the time is to be counted from by then: while all goes well it is never set anew. Where there is
//! no place for a new connection, the one that has waited for longest gives up its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Until a head is there, from its first byte on, or from the opening of the connection.
    pub(super) head: Duration,
    /// Without any request.
    pub(super) keep_alive: Duration,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of the next request has come; since when nothing moved.
    Waiting(Instant),
    /// The head of a request is under way, since when.
    Head(Instant),
    /// A request is answered. What comes of the next meanwhile is as if it had not.
    Answering,
}

/// The life of one connection, known to its socket, its requests and its timer.
#[derive(Debug)]
pub(super) struct Life {
    times: Times,
    phase: Cell<Phase>,
    /// Its place is needed for another.
    given_up: Cell<bool>,
    /// Wakes what drives it.
    waker: RefCell<Option<Waker>>,
}

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Lives {
    open: RefCell<BTreeMap<u64, Rc<Life>>>,
    opened: Cell<u64>,
}

impl Lives {
    /// One more; its number.
    pub(super) fn begin(&self, life: &Rc<Life>) -> u64 {
        let number = self.opened.get();
        self.opened.set(number + 1);
        self.open.borrow_mut().insert(number, life.clone());
        number
    }

    /// It is closed.
    pub(super) fn end(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
    }

    /// Has the one that has waited for a request for longest give up its place.
    pub(super) fn make_room(&self) {
        let open = self.open.borrow();
        let waiting = open.values().filter_map(|life| match life.phase.get() {
            Phase::Waiting(since) if !life.given_up.get() => Some((since, life)),
            _ => None,
        });
        let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) else { return };
        longest.given_up.set(true);
        if let Some(waker) = longest.waker.take() {
            waker.wake();
        }
    }
}

/// Requests of all connections that are being answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Rc<(Cell<usize>, Notify)>);

impl Answering {
    /// Waits until there are none.
    pub(super) async fn none(&self) {
        while self.0.0.get() > 0 {
            self.0.1.notified().await;
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy {
    life: Rc<Life>,
    all: Answering,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.life.phase.set(Phase::Waiting(Instant::now()));
        let (count, ended) = &*self.all.0;
        count.set(count.get() - 1);
        if count.get() == 0 {
            ended.notify_waiters();
        }
    }
}

/// Why a connection was closed from this side, or how it broke.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("no request came in time")]
    TooLate,
    #[error("it was idle, and another needed its place")]
    GivenUp,
    #[error("no handshake: {0}")]
    Handshake(io::Error),
    #[error(transparent)]
    Lost(#[from] io::Error),
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl Ended {
    /// What was answered for hyper's own reasons, which no handler ever saw.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Ended::Broken(error) if error.is_parse_too_large() => Some(431),
            Ended::Broken(error) if error.is_parse() => Some(400),
            _ => None,
        }
    }
}

impl Life {
    /// A connection that has just been opened; its first head is already awaited.
    pub(super) fn new(times: Times) -> Life {
        let phase = Cell::new(Phase::Head(Instant::now()));
        Life { times, phase, given_up: Cell::new(false), waker: RefCell::new(None) }
    }

    /// A head is complete.
    pub(super) fn begin(self: &Rc<Life>, all: &Answering) -> Busy {
        self.phase.set(Phase::Answering);
        all.0.0.set(all.0.0.get() + 1);
        Busy { life: self.clone(), all: all.clone() }
    }

    fn came(&self) {
        if let Phase::Waiting(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
    }

    fn went(&self) {
        // The end of a long answer may leave long after its last piece was made.
        if let Phase::Waiting(_) = self.phase.get() {
            self.phase.set(Phase::Waiting(Instant::now()));
        }
    }

    /// When this connection is to be looked at again, if nothing moves.
    fn deadline(&self, now: Instant) -> Instant {
        match self.phase.get() {
            Phase::Waiting(since) => since + self.times.keep_alive,
            Phase::Head(since) => since + self.times.head,
            Phase::Answering => now + self.times.keep_alive,
        }
    }

    /// Drives a connection until it ends or its time is up.
    ///
    /// # Errors
    /// When it broke, or nothing came in time.
    pub(super) async fn limit(&self, served: impl Future<Output = Result<(), Ended>>) -> Result<(), Ended> {
        let mut served = pin!(served);
        let mut timer = pin!(tokio::time::sleep(self.times.head));
        poll_fn(|context| {
            if let Poll::Ready(ended) = served.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            if self.given_up.get() && matches!(self.phase.get(), Phase::Waiting(_)) {
                return Poll::Ready(Err(Ended::GivenUp));
            }
            // A request that came just then is answered, and the place kept.
            self.given_up.set(false);
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
            drop(waker);
            let early = timer.deadline().into_std();
            // A head that is under way may have to be there sooner than the timer was to look.
            if matches!(self.phase.get(), Phase::Head(_)) && self.deadline(early) < early {
                timer.as_mut().reset(self.deadline(early).into());
            }
            while timer.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                let deadline = self.deadline(now);
                if deadline <= now {
                    return Poll::Ready(Err(Ended::TooLate));
                }
                timer.as_mut().reset(deadline.into());
            }
            Poll::Pending
        })
        .await
    }
}

/// A socket that tells its connection's life what moves.
pub(super) struct Watched {
    socket: TcpStream,
    life: Rc<Life>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, life: Rc<Life>) -> Watched {
        Watched { socket, life }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.life.came();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        if written.is_ready() {
            self.life.went();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, bytes);
        if written.is_ready() {
            self.life.went();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
