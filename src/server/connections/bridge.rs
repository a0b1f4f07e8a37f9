//! Requests of hyper's for actix's routes, and their answers back.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use actix_http::{HttpMessage, Request};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header as routed;
use futures_core::Stream;
use hyper::Response;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::http::StatusCode;

use super::life::Busy;
use crate::web::{Certified, Plain};
use crate::wire::Problem;

/// The body of a request, piece by piece.
pub(super) struct Pieces(pub(super) Incoming);

impl Stream for Pieces {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.0).poll_frame(context)) else { return Poll::Ready(None) };
            match frame.map(Frame::into_data) {
                Ok(Ok(piece)) => return Poll::Ready(Some(Ok(piece))),
                // Trailers say nothing here.
                Ok(Err(_)) => {}
                Err(error) => return Poll::Ready(Some(Err(PayloadError::Io(std::io::Error::other(error))))),
            }
        }
    }
}

/// The body of an answer; the request counts as being answered as long as this lives.
pub(super) struct Outgoing {
    content: Content,
    _busy: Busy,
}

enum Content {
    Whole(Option<Bytes>),
    Streamed(BoxBody),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.content {
            Content::Whole(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Content::Streamed(body) => {
                let piece = ready!(Pin::new(body).poll_next(context));
                // The error of a boxed body may not leave its thread.
                let piece = piece.map(|piece| piece.map(Frame::data).map_err(|error| error.to_string().into()));
                Poll::Ready(piece)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(text) => text.is_none(),
            Content::Streamed(body) => body.size().is_eof(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Content::Streamed(body) => match body.size() {
                BodySize::None => SizeHint::with_exact(0),
                BodySize::Sized(length) => SizeHint::with_exact(length),
                BodySize::Stream => SizeHint::default(),
            },
        }
    }
}

/// An answer that is all there.
pub(super) fn whole(answer: Plain, busy: Busy) -> Response<Outgoing> {
    let kind = (!answer.text.is_empty()).then(|| HeaderValue::from_static(answer.content_type()));
    let mut response = bare(answer, busy);
    response.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
    set_date(&mut response);
    response
}

/// The same with nothing said of it but its length. A reason phrase may be empty (RFC 9112, section 4); that of 204, which most
/// answers to nodes have, is a third of it.
pub(super) fn brief(answer: Plain, busy: Busy) -> Response<Outgoing> {
    let empty = answer.status == 204;
    let mut response = bare(answer, busy);
    if empty {
        response.extensions_mut().insert(ReasonPhrase::from_static(b""));
    }
    response
}

fn bare(answer: Plain, busy: Busy) -> Response<Outgoing> {
    let status = answer.status;
    let content = Content::Whole(Some(answer.text.into()));
    let mut response = Response::new(Outgoing { content, _busy: busy });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// When it was made (RFC 9110, section 6.6.1).
fn set_date(response: &mut Response<Outgoing>) {
    let now = httpdate::fmt_http_date(SystemTime::now());
    if let Ok(now) = HeaderValue::try_from(now) {
        response.headers_mut().insert(DATE, now);
    }
}

/// The same as the last answer of its connection.
pub(super) fn last(answer: Plain, busy: Busy) -> Response<Outgoing> {
    let mut response = whole(answer, busy);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A request as the routes take it, of a client that showed a certificate or did not.
///
/// # Errors
/// 400 for what one library takes and the other does not.
pub(super) fn into_routes(
    request: hyper::Request<Incoming>,
    from: SocketAddr,
    certified: bool,
) -> Result<Request, Problem> {
    let (head, body) = request.into_parts();
    let mut routed = Request::with_payload(Payload::Stream { payload: Box::pin(Pieces(body)) as _ });
    let refuse = |field: &'static str| Problem::field(field, format!("this {field} is not valid"));
    let inner = routed.head_mut();
    inner.method =
        actix_web::http::Method::from_bytes(head.method.as_str().as_bytes()).map_err(|_| refuse("method"))?;
    inner.uri = head.uri.to_string().parse().map_err(|_| refuse("target"))?;
    inner.version = match head.version {
        hyper::Version::HTTP_10 => actix_web::http::Version::HTTP_10,
        _ => actix_web::http::Version::HTTP_11,
    };
    inner.peer_addr = Some(from);
    for (name, value) in &head.headers {
        let name = routed::HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| refuse("header"))?;
        let value = routed::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refuse("header"))?;
        inner.headers.append(name, value);
    }
    if certified {
        routed.extensions_mut().insert(Certified);
    }
    Ok(routed)
}

/// An answer of the routes.
pub(super) fn out_of_routes(response: HttpResponse, busy: Busy) -> Response<Outgoing> {
    let (head, body) = response.into_parts();
    let mut sent = Response::new(Outgoing { content: Content::Streamed(body), _busy: busy });
    *sent.status_mut() = StatusCode::from_u16(head.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in head.headers() {
        // What the routes say is valid for both.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            sent.headers_mut().append(name, value);
        }
    }
    set_date(&mut sent);
    sent
}
