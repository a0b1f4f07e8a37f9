//! How answers are read, and that asking many keeps order and bound.

use std::cell::Cell;
use std::rc::Rc;

use super::node::read;
use super::{ClientError, KindFilter, MessageQuery, ReadFilter, SubmittedReport, gather};

#[test]
fn a_refusal_keeps_the_nodes_own_words() {
    let body = br#"{"type":"about:blank","title":"Conflict","status":409,"detail":"two messages begin with 7d44"}"#;
    let error = read::<SubmittedReport>(409, body).unwrap_err();
    assert_eq!(error.to_string(), "two messages begin with 7d44");
    assert!(matches!(error, ClientError::Refused(problem) if problem.status == 409));
}

#[test]
fn an_answer_of_another_program_is_told_from_a_refusal() {
    for (status, body) in [(404, "<html>\u{1b}[2J"), (200, "hello"), (502, "")] {
        let error = read::<SubmittedReport>(status, body.as_bytes()).unwrap_err();
        assert!(matches!(&error, ClientError::Foreign(text) if !text.contains('\u{1b}')), "{error:?}");
    }
}

#[test]
fn the_query_names_every_filter() {
    let query = MessageQuery { status: ReadFilter::Unread, kind: KindFilter::All, limit: 7 };
    assert_eq!(query.to_path(), "/messages?status=unread&kind=all&limit=7");
}

#[test]
fn gathering_keeps_the_order_and_the_bound() {
    let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let answers = actix_rt::System::new().block_on(gather(0..50_u64, 4, |number| {
        let (running, most) = (Rc::clone(&running), Rc::clone(&most));
        async move {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            for _ in 0..(number % 5) {
                tokio::task::yield_now().await;
            }
            running.set(running.get() - 1);
            number * 2
        }
    }));
    assert_eq!(answers, (0..50).map(|number| number * 2).collect::<Vec<u64>>());
    assert_eq!(most.get(), 4);
}
