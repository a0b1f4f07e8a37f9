//! Replays the fuzz targets' corpus: what they found worth keeping, and what once broke something.

#[path = "../fuzz/exercises.rs"]
mod exercises;

#[test]
fn every_kept_input_still_ends_well() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, exercise) in exercises::ALL {
        let mut inputs: Vec<_> = std::fs::read_dir(root.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        inputs.sort();
        assert!(inputs.len() >= 10, "{name} has only {} inputs", inputs.len());
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            let ended = std::panic::catch_unwind(|| exercise(&bytes));
            assert!(ended.is_ok(), "{}", input.display());
        }
    }
}
