//! Progress: a bar on a terminal, plain lines elsewhere, nothing with `--json`.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far something is.
pub struct Shown {
    bar: Option<ProgressBar>,
    plain: bool,
    name: &'static str,
    last_tenth: AtomicU64,
}

impl Shown {
    /// Starts showing; `name` is what is being done, in German.
    pub fn start(name: &'static str, json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !json).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:24} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() && !json {
            eprintln!("{name} …");
        }
        Self { bar, plain: !terminal && !json, name, last_tenth: AtomicU64::new(0) }
    }

    /// So many of so many are done.
    pub fn at(&self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if self.plain && total > 0 {
            let tenth = done * 10 / total;
            if self.last_tenth.fetch_max(tenth, Ordering::Relaxed) < tenth {
                eprintln!("{} … {} %", self.name, tenth * 10);
            }
        }
    }

    /// It is done.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
