//! The lines of a program that goes on running: read with a deadline, so that one that stays silent fails its test instead of
//! holding it for ever.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a line that must come may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a program has said and will say, line by line, until it closes its output.
pub struct Lines {
    receiver: Receiver<String>,
    read: Vec<String>,
}

impl Lines {
    pub fn of(output: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Its reader may have ended; the program is then still read, so that it is never held by a full pipe.
                let _ = sender.send(line);
            }
        });
        Lines { receiver, read: Vec::new() }
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.receiver.recv_timeout(DEADLINE) {
            Ok(line) => {
                self.read.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no further line within {DEADLINE:?} after {:#?}", self.read),
        }
    }
}
