//! From node numbers to ports: the one rule, and whether the ports are free.

use std::net::{Ipv4Addr, TcpListener};

use super::LabError;

/// Node N of a network listens on this port + N, unless its network was given another base.
pub const DEFAULT_BASE_PORT: u16 = 7000;

/// The greatest node number that any base port allows.
pub const MAX_NUMBER: u16 = u16::MAX;

/// The port of a node.
///
/// # Errors
/// When it would lie beyond 65535, or the number is 0.
pub(super) fn port_of(base_port: u16, number: u64) -> Result<u16, LabError> {
    let port = u16::try_from(number).ok().and_then(|number| base_port.checked_add(number));
    match port {
        Some(port) if number > 0 => Ok(port),
        _ => Err(LabError::BeyondPorts { number, base_port }),
    }
}

/// Checks that nobody listens on a port of 127.0.0.1.
///
/// # Errors
/// When the port cannot be bound.
pub(super) fn check_free(number: u16, port: u16) -> Result<(), LabError> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(source) => Err(LabError::PortTaken { number, port, source }),
    }
}
