//! Whether a baseline JPEG's scan holds as many blocks as its head says, and nothing more. Decoders stop at the last block
//! and never look further, so that a photo with foreign bytes in its middle passes for whole: its lower half is shifted
//! and its end lies behind the last block. Blocks are counted here, not computed.

/// What of a file tells how its scan is coded. Only files with one scan of all components are counted.
#[derive(Default)]
pub struct Coding {
    /// Whether the frame is baseline or sequential, by Huffman codes.
    sequential: bool,
    /// Blocks of each component in a unit, in the order of the scan, with the numbers of its two tables.
    blocks: Vec<(usize, usize, usize)>,
    frame: Option<Frame>,
    /// Units between restarts; zero without.
    interval: usize,
    /// Tables by class and number; class 1 counts from 4.
    tables: [Option<Table>; 8],
}

/// Sides of a photo in pixels, and its components.
struct Frame {
    width: usize,
    height: usize,
    components: Vec<Component>,
}

/// A component's number, and how many of its blocks a unit has across and down.
struct Component {
    id: u8,
    across: usize,
    down: usize,
}

/// Symbols by the next 16 bits: a symbol and its length, which is zero where there is none.
type Table = Box<[(u8, u8)]>;

impl Coding {
    /// Takes a segment of the file.
    pub fn take(&mut self, marker: u8, body: &[u8]) {
        let read = match marker {
            0xc4 => self.codes(body),
            0xc0..=0xc3 | 0xc5..=0xcb | 0xcd..=0xcf => self.take_frame(marker, body),
            0xda => self.take_scan(body),
            0xdd => body.get(..2).map(|b| self.interval = usize::from(u16::from_be_bytes([b[0], b[1]]))),
            _ => Some(()),
        };
        self.sequential &= read.is_some();
    }

    fn take_frame(&mut self, marker: u8, body: &[u8]) -> Option<()> {
        let side = |at: usize| Some(usize::from(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?])));
        let component = |c: &[u8]| Component { id: c[0], across: usize::from(c[1] >> 4), down: usize::from(c[1] & 15) };
        self.sequential = matches!(marker, 0xc0 | 0xc1) && *body.first()? == 8;
        let components: Vec<_> = body.get(6..)?.chunks_exact(3).map(component).collect();
        let sound = components.iter().all(|c| (1..=4).contains(&c.across) && (1..=4).contains(&c.down));
        self.frame = Some(Frame { width: side(3)?, height: side(1)?, components }).filter(|_| sound);
        Some(())
    }

    fn take_scan(&mut self, body: &[u8]) -> Option<()> {
        let sampled = &self.frame.as_ref()?.components;
        let named = body.get(1..1 + 2 * usize::from(*body.first()?))?;
        if named.len() != 2 * sampled.len() {
            return None;
        }
        for pair in named.chunks_exact(2) {
            let component = sampled.iter().find(|component| component.id == pair[0])?;
            let blocks = if sampled.len() == 1 { 1 } else { component.across * component.down };
            self.blocks.push((blocks, usize::from(pair[1] >> 4 & 3), 4 + usize::from(pair[1] & 3)));
        }
        Some(())
    }

    fn codes(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = body.split_first() {
            let (lengths, rest) = rest.split_at_checked(16)?;
            let (symbols, rest) = rest.split_at_checked(lengths.iter().map(|&n| usize::from(n)).sum())?;
            let mut table = vec![(0, 0); 1 << 16];
            let (mut at, mut symbols) = (0, symbols.iter());
            for (length, &count) in (1u8..).zip(lengths) {
                for &symbol in symbols.by_ref().take(usize::from(count)) {
                    let next = at + (1 << (16 - length));
                    table.get_mut(at..next)?.fill((symbol, length));
                    at = next;
                }
            }
            self.tables[usize::from(head >> 4 & 1) * 4 + usize::from(head & 3)] = Some(table.into());
            body = rest;
        }
        Some(())
    }

    /// What is wrong with the scan, if it is of a kind that is counted.
    pub fn fault(&self, scan: &[u8]) -> Option<&'static str> {
        let Frame { width, height, components } = self.frame.as_ref().filter(|_| self.sequential)?;
        let most = |side: fn(&Component) -> usize| components.iter().map(side).max();
        let (across, down) = if components.len() == 1 { (1, 1) } else { (most(|c| c.across)?, most(|c| c.down)?) };
        let units = width.div_ceil(8 * across) * height.div_ceil(8 * down);
        let interval = if self.interval == 0 { units } else { self.interval };
        let (mut bits, mut left) = (Bits { data: scan, held: 0, count: 0, padded: 0 }, units);
        while left > 0 {
            let now = left.min(interval);
            if (0..now).try_for_each(|_| self.unit(&mut bits)).is_none() || bits.padded > bits.count {
                return Some("a scan that cannot be read to its end");
            }
            left -= now;
            if !bits.align(left > 0) {
                return Some("more in its scan than its pixels");
            }
        }
        None
    }

    /// Passes over a unit; nothing where the codes make no sense.
    fn unit(&self, bits: &mut Bits<'_>) -> Option<()> {
        for &(blocks, dc, ac) in &self.blocks {
            let (dc, ac) = (self.tables[dc].as_ref()?, self.tables[ac].as_ref()?);
            for _ in 0..blocks {
                let size = bits.symbol(dc)?;
                bits.skip(size);
                let mut k = 1;
                while k < 64 {
                    let symbol = bits.symbol(ac)?;
                    match (symbol >> 4, symbol & 15) {
                        (15, 0) => k += 16,
                        (_, 0) => break,
                        (zeros, size) => {
                            k += zeros + 1;
                            bits.skip(size);
                            if k > 64 {
                                return None;
                            }
                        }
                    }
                }
            }
        }
        Some(())
    }
}

/// A scan's bits. Behind its end there are zeros, which are counted.
struct Bits<'a> {
    data: &'a [u8],
    held: u64,
    count: u32,
    padded: u32,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 48 {
            let (byte, used) = match self.data {
                [0xff, 0, ..] => (0xff, 2),
                // a restart ends this stretch
                [] | [0xff, ..] => (0, 0),
                [byte, ..] => (*byte, 1),
            };
            self.padded += u32::from(used == 0) * 8;
            self.data = &self.data[used..];
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn symbol(&mut self, table: &Table) -> Option<u8> {
        if self.count < 16 {
            self.fill();
        }
        let (symbol, length) = table[(self.held >> (self.count - 16)) as usize & 0xffff];
        self.count -= u32::from(length);
        (length > 0 && self.padded <= self.count + 64).then_some(symbol)
    }

    fn skip(&mut self, bits: u8) {
        let bits = u32::from(bits & 15);
        if self.count < bits {
            self.fill();
        }
        self.count -= bits;
    }

    /// Goes on behind the next restart, if there is `another` stretch. False where bytes lie before its end.
    fn align(&mut self, another: bool) -> bool {
        let held = 8 * (self.count.saturating_sub(self.padded) / 8);
        let mask = (1u64 << held) - 1;
        let waiting = self.held.checked_shr(self.padded).unwrap_or(0) & mask;
        let end = self.data.windows(2).position(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]));
        let (rest, next) = match (another, end) {
            (true, Some(end)) => (&self.data[..end], &self.data[end + 2..]),
            _ => (self.data, &[][..]),
        };
        // some cameras fill up the end of a scan
        let filled = rest.iter().all(|&byte| byte == 0) || rest.iter().all(|&byte| byte == 0xff);
        let sound = filled && (waiting == 0 || waiting == mask);
        *self = Bits { data: next, held: 0, count: 0, padded: 0 };
        sound
    }
}
