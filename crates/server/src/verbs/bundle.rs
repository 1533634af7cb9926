//! `sfs bundle`: chosen events with the proof that they are in the signed log, as one file. It reads
//! beside a running server, and writes piece by piece, so that its memory does not grow with the events.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use sfs_eventlog::{Reader as _, StoredEvent};
use sfs_eventlog_sql::SqliteReader;
use sfs_ledger::{
    BLOCK, Checkpoint, END, Hash, Leaf, MAX_INTEGER, SUMS, SignedNote, digest, file_header, is_timestamp, leaf_hash,
    padding, push_position, sums_line, verify_multiproof, write_bundle, write_consistency,
};
use sfs_notary::Tiles;
use sfs_ops::DataDirectory;
use sfs_sql::{Db, Options};
use sha2::{Digest as _, Sha256};

use super::verify::Notes;
use super::{VerbError, answer};
use crate::cli::{BundleArgs, exit};
use crate::configuration::Configuration;
use crate::installation::log_path;
use crate::resources::Used;

/// Events that are read in one go.
const PAGE: usize = 1_000;

#[derive(Serialize)]
struct Bundled {
    events: u64,
    origin: String,
    size: u64,
    root: String,
    bytes: u64,
    #[serde(flatten)]
    used: Used,
}

pub async fn run(configuration: &Configuration, args: &BundleArgs, json: bool) -> Result<u8, VerbError> {
    let path = log_path(configuration);
    if !path.exists() {
        return Err(VerbError::unusable(format!("there is no log {}", path.display())));
    }
    let options = Options { create: false, readers: 1, ..Options::default() };
    let log = Arc::new(SqliteReader::new(Db::open(&path, options).await.map_err(VerbError::unusable)?));
    let positions = positions(&log, args).await?;
    let last = positions.last().copied().unwrap_or_default();
    let (note, checkpoint, timestamp) = newest(configuration, args, last).await?;
    match positions.last() {
        None => return Err(VerbError::Usage("name events with --position, --stream or --command".into())),
        Some(last) if *last > checkpoint.size() => {
            let size = checkpoint.size();
            return Err(VerbError::Usage(format!(
                "position {last} is not in the checkpoint, which is of {size} events"
            )));
        }
        Some(_) => {}
    }
    let tiles = Tiles::look_on(&configuration.data.join(DataDirectory::TILES), log.clone()).await;
    let tiles = tiles.map_err(VerbError::unusable)?;
    if let Some(since) = args.since.filter(|since| *since > checkpoint.size()) {
        let size = checkpoint.size();
        return Err(VerbError::Usage(format!("--since {since} is behind the checkpoint, which is of {size} events")));
    }
    let timestamps = timestamps(timestamp, &args.timestamps)?;
    let source = Source {
        log: &log,
        tiles: &tiles,
        note: &note,
        checkpoint: &checkpoint,
        positions: &positions,
        timestamps: &timestamps,
    };
    let mut other = args.out.as_os_str().to_owned();
    other.push(".new");
    let other = PathBuf::from(other);
    let written = write(&source, args, &other).await;
    if written.is_err() {
        // Half a bundle is of no use; what went wrong before is more important than whether it is gone.
        let _ = std::fs::remove_file(&other);
    }
    let bytes = written?;
    std::fs::rename(&other, &args.out).map_err(VerbError::unusable)?;
    let bundled = Bundled {
        events: positions.len() as u64,
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.size(),
        root: checkpoint.root().to_b64(),
        bytes,
        used: Used::until_now(),
    };
    if json {
        answer(&bundled);
    } else {
        let Bundled { events, origin, size, used, .. } = &bundled;
        println!("{events} events of {origin} at {size} · {bytes} bytes · {used}");
    }
    Ok(exit::OK)
}

/// The checkpoint that everything is to lead to, with its timestamp if it has one: the one that others
/// have vouched for, unless the last of the events came after it and only the signer has seen it.
async fn newest(
    configuration: &Configuration,
    args: &BundleArgs,
    last: u64,
) -> Result<(SignedNote, Checkpoint, Option<Vec<u8>>), VerbError> {
    let read_checkpoint = |note: &SignedNote| note.unverified_text().parse::<Checkpoint>().map_err(VerbError::unusable);
    if let Some(path) = &args.checkpoint {
        let note = SignedNote::parse(&read(path)?).map_err(VerbError::unusable)?;
        let checkpoint = read_checkpoint(&note)?;
        return Ok((note, checkpoint, None));
    }
    let Notes { cosigned, timestamp, signed, .. } = Notes::read(configuration).await?;
    if let Some(note) = cosigned {
        let checkpoint = read_checkpoint(&note)?;
        if checkpoint.size() >= last || signed.is_none() {
            return Ok((note, checkpoint, timestamp));
        }
    }
    let note = signed.ok_or_else(|| {
        VerbError::unusable("nothing has been signed: `sfs key new` makes a key, and `sfs serve` signs with it")
    })?;
    let checkpoint = read_checkpoint(&note)?;
    Ok((note, checkpoint, None))
}

/// The chosen positions, ascending.
async fn positions(log: &SqliteReader, args: &BundleArgs) -> Result<Vec<u64>, VerbError> {
    let mut all = BTreeSet::new();
    let head = log.head().await.map_err(VerbError::unusable)?.size;
    for text in &args.positions {
        let listed = match text.strip_prefix('@') {
            Some(path) => String::from_utf8_lossy(&read(Path::new(path))?).into_owned(),
            None => text.clone(),
        };
        for text in listed.split_whitespace() {
            let wrong = || VerbError::Usage(format!("`{text}` is no position and no range"));
            let (first, last) = read_range(text).ok_or_else(wrong)?.into_inner();
            // One behind the end is enough to say that it is not there.
            all.extend(first..=last.min(first.max(head + 1)));
        }
    }
    for stream in &args.streams {
        let mut version = 0;
        loop {
            let page = log.read_stream(stream, version, PAGE).await.map_err(VerbError::unusable)?;
            let Some(last) = page.last() else { break };
            version = last.version;
            all.extend(page.iter().map(|event| event.position));
        }
        if version == 0 {
            return Err(VerbError::Usage(format!("there is no stream `{stream}`")));
        }
    }
    for command in &args.commands {
        let record = log.command(*command).await.map_err(VerbError::unusable)?;
        let record = record.ok_or_else(|| VerbError::Usage(format!("no events are known of command {command}")))?;
        all.extend(record.first..record.first + record.count);
    }
    Ok(all.into_iter().collect())
}

/// `5`, or `7..20` with both ends.
fn read_range(text: &str) -> Option<std::ops::RangeInclusive<u64>> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from >= 1 && from <= to && to <= MAX_INTEGER).then_some(from..=to)
}

/// What a bundle is made of.
struct Source<'a> {
    log: &'a SqliteReader,
    tiles: &'a Tiles,
    note: &'a SignedNote,
    checkpoint: &'a Checkpoint,
    positions: &'a [u64],
    timestamps: &'a [(String, Vec<u8>)],
}

/// Writes the bundle; answers its length in bytes.
async fn write(source: &Source<'_>, args: &BundleArgs, path: &Path) -> Result<u64, VerbError> {
    let mut out = Files::create(path)?;
    out.file("checkpoint", source.note.to_string().as_bytes())?;
    if let Some(since) = args.since {
        let proof = source.tiles.consistency(since, source.checkpoint.size()).await.map_err(VerbError::unusable)?;
        out.file("consistency", write_consistency(since, &proof).as_bytes())?;
    }
    let (mut encoded, mut last) = (Vec::new(), 0);
    for position in source.positions {
        push_position(&mut encoded, last, *position);
        last = *position;
    }
    out.file("positions", &encoded)?;
    let mut hashes = Vec::with_capacity(source.positions.len());
    out.begin("leaves.bin")?;
    for positions in source.positions.chunks(PAGE) {
        for event in source.events(positions).await? {
            // Of the bytes that go out, not as it is stored beside them: whoever gets them computes it too.
            hashes.push((event.position - 1, leaf_hash(&event.leaf)));
            let named = Leaf::parse(&event.leaf).ok().map(|leaf| leaf.draft.open);
            if named != Some(digest(event.open.as_bytes())) {
                let what = format!("the open body of event {} is not the one in its leaf", event.position);
                return Err(VerbError::Invalid(what.into()));
            }
            out.write(&write_bundle([&event.leaf[..]]).map_err(VerbError::defect)?)?;
        }
    }
    out.end()?;
    out.begin("open.bin")?;
    for positions in source.positions.chunks(PAGE) {
        for event in source.events(positions).await? {
            let length = u32::try_from(event.open.len()).map_err(VerbError::unusable)?;
            out.write(&length.to_be_bytes())?;
            out.write(event.open.as_bytes())?;
        }
    }
    out.end()?;
    out.begin("multiproof.bin")?;
    for hash in source.proof(&hashes).await? {
        out.write(hash.as_bytes())?;
    }
    out.end()?;
    if let Some(path) = &args.disclosures {
        out.file("disclosures", &read(path)?)?;
    }
    for (name, reply) in source.timestamps {
        out.file(name, reply)?;
    }
    out.finish()
}

impl Source<'_> {
    async fn events(&self, positions: &[u64]) -> Result<Vec<StoredEvent>, VerbError> {
        let events = self.log.events_at(positions).await.map_err(VerbError::unusable)?;
        let is_whole = events.iter().map(|event| event.position).eq(positions.iter().copied());
        if is_whole { Ok(events) } else { Err(VerbError::Invalid("events are missing in the log".into())) }
    }

    /// The proof, which leads to the root: else the log is not the one that was signed.
    async fn proof(&self, leaves: &[(u64, Hash)]) -> Result<Vec<Hash>, VerbError> {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        let proof = self.tiles.multiproof(self.positions, size).await.map_err(VerbError::unusable)?;
        verify_multiproof(leaves, size, &proof, &root).map_err(|_| {
            VerbError::Invalid("the log does not come to the root of the checkpoint; `sfs verify` says more".into())
        })?;
        Ok(proof)
    }
}

/// The timestamp that the directory has of the checkpoint, and those of files, in the order of their
/// names.
fn timestamps(own: Option<Vec<u8>>, paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, VerbError> {
    let mut all: Vec<(String, Vec<u8>)> = own.map(|reply| ("timestamp.tsr".to_owned(), reply)).into_iter().collect();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_timestamp(name) {
            return Err(VerbError::Usage(format!("`{name}` is no name of a timestamp reply: letters, digits, `.tsr`")));
        }
        all.push((name.to_owned(), read(path)?));
    }
    all.sort();
    match all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(VerbError::Usage(format!("two timestamp replies are named `{}`", pair[0].0))),
        None => Ok(all),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VerbError> {
    std::fs::read(path).map_err(|why| VerbError::unusable(format!("cannot read {}: {why}", path.display())))
}

/// The container while it is written: a header gets its size when the content is there.
struct Files {
    out: BufWriter<File>,
    sums: String,
    /// Name, place of the header, and digest so far of the file that is being written.
    open: Option<(String, u64, Sha256)>,
}

impl Files {
    /// Makes the file for its owner only: leaves and disclosures are pseudonymous personal data.
    fn create(path: &Path) -> Result<Self, VerbError> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path);
        let file = file.map_err(|why| VerbError::unusable(format!("cannot write {}: {why}", path.display())))?;
        Ok(Self { out: BufWriter::with_capacity(1 << 18, file), sums: String::new(), open: None })
    }

    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), VerbError> {
        self.begin(name)?;
        self.write(content)?;
        self.end()
    }

    fn begin(&mut self, name: &str) -> Result<(), VerbError> {
        let place = self.out.stream_position().map_err(VerbError::unusable)?;
        self.out.write_all(&[0; BLOCK]).map_err(VerbError::unusable)?;
        self.open = Some((name.to_owned(), place, Sha256::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), VerbError> {
        if let Some((_, _, digest)) = &mut self.open {
            digest.update(bytes);
        }
        self.out.write_all(bytes).map_err(VerbError::unusable)
    }

    fn end(&mut self) -> Result<(), VerbError> {
        let Some((name, place, digest)) = self.open.take() else { return Ok(()) };
        let end = self.out.stream_position().map_err(VerbError::unusable)?;
        let size = end - place - BLOCK as u64;
        self.sums += &sums_line(&name, &Hash::from(<[u8; 32]>::from(digest.finalize())));
        let header = file_header(&name, size).map_err(VerbError::unusable)?;
        let finished = self.out.write_all(padding(size)).and_then(|()| {
            let end = self.out.stream_position()?;
            self.out.seek(SeekFrom::Start(place))?;
            self.out.write_all(&header)?;
            self.out.seek(SeekFrom::Start(end))
        });
        finished.map(drop).map_err(VerbError::unusable)
    }

    fn finish(mut self) -> Result<u64, VerbError> {
        let sums = std::mem::take(&mut self.sums);
        self.file(SUMS, sums.as_bytes())?;
        let finished = self.out.write_all(&END).and_then(|()| self.out.stream_position()).and_then(|bytes| {
            self.out.flush()?;
            self.out.get_ref().sync_all()?;
            Ok(bytes)
        });
        finished.map_err(VerbError::unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::read_range;

    #[test]
    fn positions_are_numbers_from_one_or_ranges_with_both_ends() {
        assert_eq!(read_range("5"), Some(5..=5));
        assert_eq!(read_range("7..20"), Some(7..=20));
        for wrong in ["", "0", "-1", "7..", "..7", "20..7", "7..=20", "1,2", "9007199254740992"] {
            assert_eq!(read_range(wrong), None, "{wrong}");
        }
    }
}
