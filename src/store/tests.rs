//! What the store promises: what it said is written is there after any crash, whole or not at all.

use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::database::Database;
use super::error::StoreError;
use super::lossy::Lossy;
use super::shape::Shape;
use super::writer::SpareVersion;
use super::{OpenError, Opened, Owner, Progress, Store, Urgency, open};
use crate::protocol::{
    Arrival, BuriedRecord, Content, DiskImage, DiskRecord, IdForm, Kind, KnownRecord, LogKey, LogRecord, Message,
    NodeId, OwnRecord, Payload, PublicKey, Status, Time,
};

const SHAPE: Shape = Shape { form: IdForm::Local, epoch_ms: -1_000 };

const IDENTITY: &[u8] = b"this directory";

fn message(kind: Kind, origin: u16, version: u64, text: &str) -> Message {
    let origin = NodeId::Port(origin);
    let stamp = if kind == Kind::Message { version } else { 0 };
    Message::new(
        64,
        [origin.clone()].into(),
        Content {
            seal: None,
            uuid: Uuid::from_u128(u128::from(version) << 64 | 7),
            origin,
            version,
            kind,
            payload: Payload::of_book(Some(text)),
            relays: 0,
            stamp,
        },
    )
}

fn key(version: u64) -> LogKey {
    LogKey { stamp: version, uuid: Uuid::from_u128(u128::from(version) << 64 | 7) }
}

/// A record of any kind about small numbers, so that later ones often replace earlier ones.
fn any_record(random: &mut SmallRng) -> DiskRecord {
    let number = random.random_range(1..=60);
    let (port, time) = (random.random_range(7_001..=7_006), Time(random.random_range(5_000..10_000)));
    let id = NodeId::Port(port);
    match random.random_range(0..14) {
        0 => DiskRecord::Version(number),
        1 => DiskRecord::Own(OwnRecord { message: message(Kind::State, 7_000, number, "own"), set: random.random() }),
        2 => DiskRecord::Arrival(
            key(number),
            random.random_range(1..4),
            Arrival { path: [NodeId::Port(port), NodeId::Port(7_000)].into(), at: time },
        ),
        3 => DiskRecord::Read(vec![key(number)]),
        4 if random.random_bool(0.2) => DiskRecord::Floor(key(random.random_range(1..=40))),
        5 => DiskRecord::Known(KnownRecord {
            id,
            state: random.random::<bool>().then(|| (message(Kind::State, port, number, "theirs"), time)),
            status: Status::ALL[random.random_range(0..4)].0,
            since: time,
            claim_version: number,
        }),
        6 => DiskRecord::Gone(id),
        7 => DiskRecord::Buried(BuriedRecord { id, version: number, only: None, until: time }),
        8 => DiskRecord::Unburied(id),
        9 => DiskRecord::Pin(id, random.random::<bool>().then(|| PublicKey::new(random.random()))),
        // Another message of one uuid comes once, and nothing more is said of the one before.
        10 => {
            let (number, at) = (random.random_range(101..=110), time);
            let message = message(Kind::Message, port, number, "again");
            if random.random() {
                DiskRecord::Message(LogRecord { message, at })
            } else {
                DiskRecord::Replaced(key(number))
            }
        }
        _ => DiskRecord::Message(LogRecord { message: message(Kind::Message, port, number, "text"), at: time }),
    }
}

/// Removed entries are the same as none, once everything is applied.
fn settled(mut image: DiskImage) -> DiskImage {
    image.known.retain(|_, known| known.is_some());
    image.buried.retain(|_, buried| buried.is_some());
    image.pins.retain(|_, key| key.is_some());
    image.replaced.clear();
    image
}

#[test]
fn the_database_holds_what_the_records_add_up_to() {
    for seed in 0..20 {
        let mut random = SmallRng::seed_from_u64(seed);
        let storage = Lossy::default();
        let mut database = Database::in_storage(storage, IDENTITY).unwrap();
        let mut all = DiskImage::default();
        for _ in 0..30 {
            let mut part = DiskImage { floor: all.floor, ..DiskImage::default() };
            for _ in 0..random.random_range(0..20) {
                // As a node does, which never speaks of what it evicted.
                let record = any_record(&mut random);
                all.apply(record.clone());
                part.apply(record);
            }
            database.commit(&part, SHAPE).unwrap();
            assert_eq!(settled(all.clone()), database.load(SHAPE).unwrap(), "seed {seed}");
        }
    }
}

#[test]
fn changes_that_wait_add_up_in_any_grouping() {
    for seed in 0..200 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut one, mut first, mut second) = (DiskImage::default(), DiskImage::default(), DiskImage::default());
        let split = random.random_range(0..50);
        for place in 0..50 {
            let record = any_record(&mut random);
            one.apply(record.clone());
            if place < split { first.apply(record) } else { second.apply(record) }
        }
        // The floor of the first part is not known to the second: what is below it falls when the two meet.
        let floor = first.floor;
        first.absorb(second);
        first.messages.retain(|key, _| *key > floor);
        first.arrivals.retain(|(key, _), _| *key > floor);
        first.read.retain(|key| *key > floor);
        assert_eq!(one, first, "seed {seed}");
    }
}

#[test]
fn whatever_a_power_cut_leaves_is_whole_and_has_all_that_was_acknowledged() {
    let mut cuts = 0;
    for seed in 0..150 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut storage = Lossy::default();
        let mut states = vec![DiskImage::default()];
        let mut acknowledged = 0;
        // Several lives, each of which ends in the middle of something.
        for _ in 0..4 {
            let opened = Database::in_storage(storage.clone(), IDENTITY);
            let mut database = opened.unwrap_or_else(|error| panic!("seed {seed}: not to be opened: {error}"));
            let found = database.load_checked(SHAPE);
            let found = found.unwrap_or_else(|error| panic!("seed {seed}: not whole: {error}"));
            let held = states.iter().rposition(|state| settled(state.clone()) == found);
            let held = held.unwrap_or_else(|| panic!("seed {seed}: what is there was never committed"));
            assert!(held >= acknowledged, "seed {seed}: commit {acknowledged} is lost, {held} is there");
            states.truncate(held + 1);
            acknowledged = held;
            storage.fail_after(random.random_range(0..12));
            loop {
                let mut part = DiskImage { floor: states[states.len() - 1].floor, ..DiskImage::default() };
                let mut all = states[states.len() - 1].clone();
                for _ in 0..random.random_range(1..30) {
                    let record = any_record(&mut random);
                    all.apply(record.clone());
                    part.apply(record);
                }
                states.push(all);
                if database.commit(&part, SHAPE).is_err() {
                    break;
                }
                acknowledged = states.len() - 1;
            }
            let left = storage.cut(&mut random);
            cuts += 1;
            // The old life can no longer reach what is left.
            drop(database);
            storage = left;
        }
    }
    assert_eq!(cuts, 600);
}

struct Spare(mpsc::Sender<u64>);

impl SpareVersion for Spare {
    fn put(&mut self, version: u64) -> std::io::Result<()> {
        self.0.send(version).map_err(std::io::Error::other)
    }
}

fn until(progress: &mpsc::Receiver<Progress>, holds: impl Fn(&Progress) -> bool) -> Progress {
    loop {
        let next = progress.recv_timeout(Duration::from_secs(20)).expect("the store reports in time");
        if holds(&next) {
            return next;
        }
    }
}

#[test]
fn a_full_disk_is_told_versions_go_beside_it_and_all_is_written_once_there_is_room() {
    let storage = Lossy::default();
    let database = Database::in_storage(storage.clone(), IDENTITY).unwrap();
    let reopened = storage.clone();
    let reopen = Box::new(move || Database::in_storage(reopened.clone(), IDENTITY));
    let ((tell, progress), (put, spare)) = (mpsc::channel(), mpsc::channel());
    let report = Box::new(move |progress| tell.send(progress).unwrap_or_default());
    let store = Store::start(database, reopen, Spare(put), SHAPE, report).unwrap();
    let write = |version: u64| {
        let text = "x".repeat(20_000);
        let record = LogRecord { message: message(Kind::Message, 7_000, version, &text), at: Time(5_000) };
        store.write(vec![DiskRecord::Version(version), DiskRecord::Message(record)], Urgency::Awaited)
    };
    let first = write(1);
    assert_eq!(until(&progress, |p| p.saved >= first).trouble, None);
    storage.limit(Some(storage.length()));
    let mut version = 1;
    let (number, told) = loop {
        version += 1;
        let number = write(version);
        let told = until(&progress, |p| p.released >= number);
        if told.trouble.is_some() {
            break (number, told);
        }
        assert!(version < 10_000, "the disk is full at some time");
    };
    assert!(told.saved < number, "what is not written is not said to be");
    assert!(told.trouble.is_some_and(|trouble| trouble.contains("full")));
    assert_eq!(spare.recv_timeout(Duration::from_secs(20)), Ok(version));
    // The node goes on; its next version is let out as well, and not saved.
    let next = write(version + 1);
    assert!(until(&progress, |p| p.released >= next).saved < next);
    assert_eq!(spare.recv_timeout(Duration::from_secs(20)), Ok(version + 1));
    storage.limit(None);
    assert_eq!(until(&progress, |p| p.saved >= next).trouble, None);
    drop(store);
    let image = Database::in_storage(storage, IDENTITY).unwrap().load(SHAPE).unwrap();
    assert_eq!(image.messages.len() as u64, version + 1);
    assert_eq!(image.version, version + 1);
}

#[test]
fn the_file_does_not_grow_with_all_that_ever_passed_through() {
    let storage = Lossy::default();
    let mut database = Database::in_storage(storage.clone(), IDENTITY).unwrap();
    let mut lengths = Vec::new();
    for round in 0..400u64 {
        let mut part = DiskImage::default();
        for version in round * 50 + 1..=round * 50 + 50 {
            let record =
                LogRecord { message: message(Kind::Message, 7_001, version, &"x".repeat(500)), at: Time(5_000) };
            part.apply(DiskRecord::Message(record));
        }
        // A log of 1,000 messages.
        if round >= 20 {
            part.apply(DiskRecord::Floor(key((round - 19) * 50)));
        }
        database.commit(&part, SHAPE).unwrap();
        lengths.push(storage.length());
    }
    assert_eq!(database.load(SHAPE).unwrap().messages.len(), 1_000);
    let (half, end) = (lengths[200], lengths[399]);
    assert_eq!(half, end, "the file still grows");
    assert!(end < 16 * 1024 * 1024, "{end} bytes for 1,000 messages of half a kilobyte");
}

/// A log full of messages of all sizes, with paths and marks, and commits of all sizes: what is evicted leaves holes of every
/// size, in which what comes next has to find its place.
#[test]
fn the_file_does_not_grow_while_a_bounded_log_passes_through_it_a_hundred_times() {
    let (storage, mut random) = (Lossy::default(), SmallRng::seed_from_u64(7));
    let mut database = Database::in_storage(storage.clone(), IDENTITY).unwrap();
    let (mut version, mut lengths) = (0u64, Vec::new());
    const HELD: u64 = 200;
    while version < 100 * HELD {
        let mut part = DiskImage::default();
        for _ in 0..random.random_range(1..=80) {
            version += 1;
            let bytes = if random.random_bool(0.02) { 60_000 } else { random.random_range(10..3_000) };
            let message = message(Kind::Message, 7_001, version, &"x".repeat(bytes));
            part.apply(DiskRecord::Message(LogRecord { message, at: Time(5_000) }));
            for place in 1..random.random_range(1..6) {
                let path = (7_001..7_001 + place + 2).map(NodeId::Port).collect();
                part.apply(DiskRecord::Arrival(key(version), place, Arrival { path, at: Time(5_000) }));
            }
            part.apply(DiskRecord::Read(vec![key(version)]));
        }
        part.apply(DiskRecord::Floor(key(version.saturating_sub(HELD))));
        database.commit(&part, SHAPE).unwrap();
        lengths.push((version, storage.length()));
    }
    assert_eq!(database.load(SHAPE).unwrap().messages.len() as u64, HELD);
    let most = |from, to| lengths.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, length)| *length).max();
    let (early, late) = (most(10 * HELD, 30 * HELD), most(30 * HELD, u64::MAX));
    assert!(late <= early.map(|early| early + early / 4), "{early:?} bytes became {late:?}");
}

#[test]
fn a_file_that_holds_much_less_than_it_did_is_made_smaller_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let length = || std::fs::metadata(folder.path().join("node.redb")).unwrap().len();
    let opened = open_it(folder.path(), &owner(7_001)).unwrap();
    let (most, left) = (2_000, 20);
    for version in 1..=most {
        let record =
            LogRecord { message: message(Kind::Message, 7_001, version, &"x".repeat(10_000)), at: Time(5_000) };
        opened.store.write(vec![DiskRecord::Message(record)], Urgency::Lazy);
    }
    drop(opened);
    let full = length();
    assert!(full > 20_000_000, "{full}");
    // A later life with a much smaller log.
    let opened = open_it(folder.path(), &owner(7_001)).unwrap();
    assert_eq!(opened.image.messages.len() as u64, most);
    opened.store.write(vec![DiskRecord::Floor(key(most - left))], Urgency::Lazy);
    drop(opened);
    let opened = open_it(folder.path(), &owner(7_001)).unwrap();
    assert_eq!(opened.image.messages.len() as u64, left);
    assert!(length() < full / 8, "{full} bytes became {} for {left} messages", length());
    drop(opened);
    let opened = open_it(folder.path(), &owner(7_001)).unwrap();
    assert_eq!((opened.set_aside, opened.image.messages.len() as u64), (None, left));
}

fn owner(port: u16) -> Owner {
    Owner { cluster: "test".to_owned(), id: NodeId::Port(port) }
}

fn open_it(folder: &std::path::Path, owner: &Owner) -> Result<Opened, OpenError> {
    open(folder, owner, 0, Uuid::from_u128(99), |_| ())
}

#[test]
fn a_directory_is_for_one_node_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let opened = open_it(&path, &owner(7_001)).unwrap();
    assert!(matches!(open_it(&path, &owner(7_001)), Err(OpenError::InUse { .. })));
    opened.store.write(vec![DiskRecord::Version(5)], Urgency::Lazy);
    drop(opened);
    let again = open_it(&path, &owner(7_001)).unwrap();
    assert_eq!(again.image.version, 5, "dropping writes the last of it");
    drop(again);
    let other = open_it(&path, &owner(7_002)).unwrap_err().to_string();
    assert!(other.contains("7001") && other.contains("7002"), "{other}");
    let other = Owner { cluster: "another".to_owned(), ..owner(7_001) };
    assert!(matches!(open_it(&path, &other), Err(OpenError::OtherNode { .. })));
    // The database of another node's directory under this one's name.
    let second = folder.path().join("second");
    drop(open(&second, &owner(7_001), 0, Uuid::from_u128(100), |_| ()).unwrap());
    std::fs::copy(path.join("node.redb"), second.join("node.redb")).unwrap();
    assert!(matches!(open_it(&second, &owner(7_001)), Err(OpenError::OtherDirectory { .. })));
}

#[test]
fn a_newer_format_and_what_cannot_be_written_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let identity = r#"{"format": 2, "something": "new"}"#;
    std::fs::write(folder.path().join("identity"), identity).unwrap();
    let error = open_it(folder.path(), &owner(7_001)).unwrap_err().to_string();
    assert!(error.contains("format 2") && error.contains("up to 1"), "{error}");
    let file = folder.path().join("identity/below");
    assert!(matches!(open_it(&file, &owner(7_001)), Err(OpenError::NotWritable { .. })));
    let error = open_it(&folder.path().join("identity"), &owner(7_001)).unwrap_err().to_string();
    assert!(error.contains("is no directory"), "{error}");
}

#[test]
fn an_identity_that_is_damaged_or_lost_is_written_anew_from_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("identity"), folder.path().join("identity.damaged"));
    let opened = open_it(folder.path(), &owner(7_001)).unwrap();
    opened.store.write(vec![DiskRecord::Version(9)], Urgency::Lazy);
    drop(opened);
    let whole = std::fs::read(&path).unwrap();
    for damage in [&b""[..], b"no JSON", br#"{"format":1,"cluster":"test"}"#] {
        std::fs::write(&path, damage).unwrap();
        assert_eq!(open_it(folder.path(), &owner(7_001)).unwrap().image.version, 9);
        assert_eq!((std::fs::read(&path).unwrap(), std::fs::read(&aside).unwrap()), (whole.clone(), damage.to_vec()));
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open_it(folder.path(), &owner(7_002)), Err(OpenError::OtherNode { .. })));
    assert_eq!(open_it(folder.path(), &owner(7_001)).unwrap().image.version, 9);
    assert_eq!(std::fs::read(&path).unwrap(), whole);

    // Nothing else says whose it is.
    std::fs::write(&path, b"no JSON").unwrap();
    std::fs::write(folder.path().join("node.redb"), b"no database").unwrap();
    let error = open_it(folder.path(), &owner(7_001)).unwrap_err().to_string();
    assert!(error.contains("identity") && error.contains("recovers from its peers"), "{error}");
}

#[test]
fn a_damaged_database_is_set_aside_and_a_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.redb");
    let fill = || {
        let opened = open_it(folder.path(), &owner(7_001)).unwrap();
        let record = LogRecord { message: message(Kind::Message, 7_001, 9, "kept"), at: Time(5_000) };
        opened.store.write(vec![DiskRecord::Version(9), DiskRecord::Message(record)], Urgency::Lazy);
    };
    for (number, damage) in [&b""[..], b"no database", &[0; 5_000]].into_iter().enumerate() {
        fill();
        std::fs::write(&path, damage).unwrap();
        let opened = open_it(folder.path(), &owner(7_001)).unwrap();
        let aside = opened.set_aside.expect("set aside");
        assert_eq!(std::fs::read(&aside).unwrap(), damage, "{number}");
        assert_eq!(opened.image, DiskImage::default());
    }
    let mut noticed = 0;
    for seed in 0..60 {
        let storage = Lossy::default();
        let mut database = Database::in_storage(storage.clone(), IDENTITY).unwrap();
        let mut part = DiskImage::default();
        for version in 1..=500 {
            let record = LogRecord { message: message(Kind::Message, 7_001, version, "text"), at: Time(5_000) };
            part.apply(DiskRecord::Message(record));
        }
        database.commit(&part, SHAPE).unwrap();
        drop(database);
        storage.flip(seed);
        let read = std::panic::catch_unwind(|| {
            let mut database = Database::in_storage(storage, IDENTITY)?;
            database.load_checked(SHAPE)
        });
        match read {
            Ok(Ok(image)) => assert_eq!(image.messages, part.messages, "seed {seed}: another text without a word"),
            Ok(Err(StoreError::Io(error))) => panic!("seed {seed}: damage looks like {error}"),
            Ok(Err(_)) | Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 0, "some bits matter");
}
