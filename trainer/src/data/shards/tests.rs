//! Shards of a small corpus with a table: what is in them, and what of them is refused.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::data::prepare;
use fourbar_model::midi;
use fourbar_model::note::Note;

/// A folder of seven loops and a table, and a folder for three shards of them.
struct Corner {
    folder: tempfile::TempDir,
    config: Config,
}

impl Corner {
    fn new() -> Self {
        let corner = Self {
            folder: tempfile::tempdir().unwrap(),
            config: Config::preset("groovae_4bar").unwrap(),
        };
        fs::create_dir(corner.data()).unwrap();
        let mut table = "midi_filename,split,style,beat_type,bpm,drummer\n".to_owned();
        for i in 0..7_u8 {
            let note = |beat| Note {
                onset_beats: f64::from(beat),
                duration_beats: 0.25,
                pitch: 36 + 2 * (beat % 2),
                velocity: 0.8,
                channel: 9,
            };
            let notes: Vec<Note> = (0..4 * (4 + i)).map(note).collect();
            let bytes = midi::write(&notes, 4.0 * f64::from(4 + i), 120.0);
            fs::write(corner.data().join(format!("{i}.mid")), bytes).unwrap();
            let split = Split::ALL[usize::from(i) % 3].name();
            table += &format!("{i}.mid,{split},rock/{i},beat,{}.1,one\n", 100 + i);
        }
        fs::write(corner.data().join("info.csv"), table).unwrap();
        for number in 0..3 {
            corner.prepare(3, Some(number)).unwrap();
        }
        corner
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("shards")
    }

    fn shard(&self, number: usize) -> PathBuf {
        self.out().join(format!("shard-0000{number}-of-00003.zip"))
    }

    fn prepare(&self, count: usize, number: Option<usize>) -> Result<()> {
        prepare::into_shards(&self.data(), &self.out(), count, number)
    }

    fn open(&self) -> Result<Shards> {
        Ok(Shards::open(&self.out(), &self.config)?.unwrap())
    }

    /// Why the shards cannot be used, which names the file and says what to do.
    fn problem(&self, file: &Path, remedy: &str) -> String {
        let problem = self
            .open()
            .and_then(|shards| (0..3).try_for_each(|number| shards.load(number).map(|_| ())));
        let problem = format!("{:#}", problem.unwrap_err());
        let file = file.file_name().unwrap().to_str().unwrap();
        assert!(
            problem.contains(file) && problem.contains(remedy),
            "{problem}"
        );
        problem
    }
}

#[test]
fn every_file_is_in_one_shard_with_what_the_table_says_of_it() {
    let corner = Corner::new();
    let shards = corner.open().unwrap();
    let reading = corner.config.reading().unwrap();
    let converter = &corner.config.model.converter;
    let whole = Dataset::load(&corner.data(), converter, reading).unwrap();
    let facts = |dataset: Dataset| {
        let files = dataset.files.into_iter().map(|file| {
            let facts = (file.split, file.style, file.beat_type, file.bpm.to_bits());
            (file.name, (facts, file.performer))
        });
        files.collect::<BTreeMap<_, _>>()
    };
    let in_shards: Vec<_> = (0..3)
        .map(|number| facts(shards.load(number).unwrap()))
        .collect();
    assert!(in_shards.iter().map(BTreeMap::len).eq([3, 2, 2]));
    assert_eq!(
        in_shards.into_iter().flatten().collect::<BTreeMap<_, _>>(),
        facts(whole.clone())
    );
    let windows = whole.windows(Split::Train, 64, corner.config.data.hop_bars);
    assert_eq!(shards.n_windows(), windows.len());
    assert_eq!(shards.n_sampled(), 3);
    let sample = shards.sample().unwrap();
    assert_eq!(sample.files.len(), 7);
    assert_eq!(
        (sample.card.name.as_str(), sample.drum_map.id),
        ("data", "td11")
    );

    // All at once they are the same bytes.
    let bytes = |number| fs::read(corner.shard(number)).unwrap();
    let apart = [0, 1, 2].map(bytes);
    corner.prepare(3, None).unwrap();
    assert!(apart == [0, 1, 2].map(bytes));
    // A shard by itself is a data set as any other; the folder is none.
    assert_eq!(
        Dataset::load(&corner.shard(1), converter, reading)
            .unwrap()
            .files
            .len(),
        2
    );
    let refused = Dataset::load(&corner.out(), converter, reading).unwrap_err();
    assert!(
        refused.to_string().contains("shard-00000-of-00003.zip"),
        "{refused}"
    );
    assert!(
        Shards::open(&corner.data(), &corner.config)
            .unwrap()
            .is_none()
    );
}

#[test]
fn shards_that_cannot_be_used_are_refused_with_the_file_and_a_remedy() {
    let mut corner = Corner::new();
    let shard = corner.shard(1);
    let bytes = fs::read(&shard).unwrap();
    let again = "--shards 3 --shard 1";

    fs::remove_file(&shard).unwrap();
    // One that was never finished is not there.
    fs::write(corner.out().join(".fourbar-a1b2c3.part"), &bytes).unwrap();
    let problem = corner.problem(&corner.out(), again);
    assert!(
        problem.starts_with("1 of the 3 shards are not in"),
        "{problem}"
    );

    fs::write(&shard, &bytes[..bytes.len() / 2]).unwrap();
    corner.problem(&shard, again);
    let mut flipped = bytes.clone();
    let name = flipped
        .windows(5)
        .position(|name| name == b"1.mid")
        .unwrap();
    flipped[name + 20] ^= 0xFF;
    fs::write(&shard, &flipped).unwrap();
    assert!(corner.open().is_ok(), "only reading it shows that");
    corner.problem(&shard, again);

    fs::copy(corner.shard(0), &shard).unwrap();
    corner.problem(
        &shard,
        "holds shard 0 of 3, although its name says shard 1 of 3",
    );
    fs::write(&shard, &bytes).unwrap();

    corner.config.data.hop_bars = 3;
    corner.config.data.repeat_short = true;
    let first = corner.shard(0);
    let problem = corner.problem(&first, "prepare the shards again");
    assert!(
        problem.contains("(data.hop_bars, data.repeat_short differ)"),
        "{problem}"
    );
    corner.config = Config::preset("groovae_4bar").unwrap();

    fs::rename(corner.data().join("6.mid"), corner.data().join("7.mid")).unwrap();
    corner.prepare(3, Some(1)).unwrap();
    corner.problem(&shard, "prepare all shards again");
    corner.prepare(2, None).unwrap();
    let first_of_two = corner.out().join("shard-00000-of-00002.zip");
    corner.problem(&first_of_two, "remove the files of one preparation");
}

#[test]
fn shards_that_do_not_exist_are_not_prepared() {
    let corner = Corner::new();
    let problem = |count, number| corner.prepare(count, number).unwrap_err().to_string();
    assert!(problem(3, Some(3)).contains("their numbers are 0 to 2"));
    assert!(problem(8, None).contains("more than the 7 file(s)"));
}
