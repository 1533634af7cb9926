//! What this process has used so far, as the kernel counts it; nothing where there is no `/proc`.

use serde::Serialize;

/// Ticks of a second in which the kernel shows processor time to programs.
const TICKS: f64 = 100.0;

/// Processor time and memory.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Used {
    /// Seconds of processor time, all threads together.
    pub cpu_seconds: f64,
    /// Most resident memory so far, in bytes.
    pub peak_memory: u64,
}

impl Used {
    /// Until now.
    pub fn until_now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name of the program, in parentheses, may hold blanks.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        Self { cpu_seconds: (ticks(11) + ticks(12)) / TICKS, peak_memory: peak.unwrap_or(0_u64) * 1_024 }
    }
}

impl std::fmt::Display for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} s of processor time, {} MiB of memory", self.cpu_seconds, self.peak_memory >> 20)
    }
}
