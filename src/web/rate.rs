//! How many requests one address may make: a token bucket each, so that one busy sender leaves time for the others.
//!
//! An address is all that a stranger cannot choose freely; the id that a request names is not. Memory is bounded: beyond
//! [`MAX_ADDRESSES`] the one that has been quiet for longest is forgotten, which gives it a full bucket again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::{Context, answer};
use crate::wire::Problem;

/// Addresses remembered at a time: a few hundred bytes each, and more than a node has peers and users.
const MAX_ADDRESSES: usize = 4_096;

/// Seconds of requests that may come at once: a burst after a pause is no attack.
const BURST_SECONDS: f64 = 2.0;

/// The buckets of one node.
pub struct Limiter {
    /// Tokens a second; 0 sets no limit.
    per_second: f64,
    buckets: RefCell<HashMap<IpAddr, Bucket>>,
    refused: Cell<u64>,
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Limiter {
    /// Full buckets for everyone; 0 a second sets no limit.
    pub fn new(per_second: u32) -> Limiter {
        Limiter { per_second: f64::from(per_second), buckets: RefCell::default(), refused: Cell::new(0) }
    }

    /// How many requests were refused.
    pub fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// Takes a token of this address, or says how long to wait for the next, and counts the refusal.
    fn take(&self, now: Instant, address: IpAddr) -> Result<(), Duration> {
        let taken = self.try_take(now, address);
        self.refused.set(self.refused.get() + u64::from(taken.is_err()));
        taken
    }

    /// Takes a token of this address, or says how long to wait for the next.
    pub(super) fn try_take(&self, now: Instant, address: IpAddr) -> Result<(), Duration> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let full = self.per_second * BURST_SECONDS;
        let mut buckets = self.buckets.borrow_mut();
        let address = network_of(address);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            forget_the_quietest(&mut buckets);
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: full, filled_at: now });
        let passed = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(full);
        bucket.filled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second))
    }
}

/// Whoever has one address of IPv6 usually has its /64 (RFC 4291, section 2.5.4).
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn forget_the_quietest(buckets: &mut HashMap<IpAddr, Bucket>) {
    let quietest = buckets.iter().min_by_key(|(_, bucket)| bucket.filled_at).map(|(address, _)| *address);
    if let Some(address) = quietest {
        buckets.remove(&address);
    }
}

/// Refuses what comes too fast with 429 and `Retry-After` (RFC 6585, section 4). A watchdog's `/livez` always passes.
pub async fn limit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let context = request.app_data::<Data<Context>>().cloned();
    let address = request.peer_addr().map(|address| address.ip());
    let verdict = match (&context, address) {
        (Some(context), Some(address)) if !matches!(request.path(), "/livez" | "/livez/") => {
            context.limiter.take(Instant::now(), address)
        }
        _ => Ok(()),
    };
    let Err(wait) = verdict else { return Ok(next.call(request).await?.map_into_left_body()) };
    let per_second = context.map_or(0, |context| context.bounds.requests_per_second);
    let detail = format!("more than {per_second} requests a second come from this address");
    let mut refusal = answer::problem(request.request(), &Problem::new(429, detail).with_limit(u64::from(per_second)));
    let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
    refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    Ok(request.into_response(refusal).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_burst_passes_then_only_so_many_a_second_and_others_are_not_touched() {
        let (limiter, start) = (Limiter::new(10), Instant::now());
        let passed = (0..100).filter(|_| limiter.take(start, address(1)).is_ok()).count();
        assert_eq!((passed, limiter.refused()), (20, 80));
        assert!(limiter.take(start, address(2)).is_ok());
        let later = start + Duration::from_millis(500);
        let passed = (0..100).filter(|_| limiter.take(later, address(1)).is_ok()).count();
        assert_eq!(passed, 5);
        let wait = limiter.take(later, address(1)).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
    }

    #[test]
    fn addresses_of_one_network_share_and_no_flood_of_them_grows_the_memory() {
        let (limiter, start) = (Limiter::new(1), Instant::now());
        for host in 0..100_000u128 {
            let address = Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | host << 64 | 1);
            assert!(limiter.take(start + Duration::from_micros(host as u64), address.into()).is_ok());
        }
        assert_eq!(limiter.buckets.borrow().len(), MAX_ADDRESSES);
        let one = |last: u128| IpAddr::from(Ipv6Addr::from_bits(0x2001_0db9_u128 << 96 | last));
        let passed = (0..10).filter(|last| limiter.take(start, one(*last)).is_ok()).count();
        assert_eq!(passed, 2);
    }
}
