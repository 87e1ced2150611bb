// A short piece of a song, cut out of its listening copy: an M4A whose frames are found by its index and fetched as
// one range of bytes. The frames become an ADTS stream, which every browser decodes by itself.

const FRAME_SAMPLES = 1024; // of AAC
const WARM_UP_FRAMES = 2; // decoded before the first wanted one: each frame needs the one before it
const HEADER_BYTES = 65_536; // of the file's beginning, which holds the index of five minutes; more is fetched if needed
const RATES_HZ = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
const ADTS_BYTES = 7;

// Return {buffer, from}: an AudioBuffer and the second of the song it begins with.
export async function fetchPiece(context, copy, from, to) {
  const { rate, offsets, sizes, priming } = copy;
  const first = Math.max(0, Math.floor((from * rate + priming) / FRAME_SAMPLES) - WARM_UP_FRAMES);
  const end = Math.min(sizes.length, Math.ceil((to * rate + priming) / FRAME_SAMPLES) + 1);
  if (end <= first) throw new RangeError("This song has no sound there.");
  const bytes = await fetchRange(copy.address, offsets[first], offsets[end - 1] + sizes[end - 1]);
  const decoded = await context.decodeAudioData(toAdts(copy, bytes, first, end).buffer);
  return { buffer: decoded, from: (first * FRAME_SAMPLES - priming) / rate };
}

// Read the index of a listening copy: {address, rate, channels, priming, offsets, sizes}, one entry per frame.
export async function openCopy(address) {
  let bytes = await fetchRange(address, 0, HEADER_BYTES);
  let moov = findBox(new DataView(bytes), 0, bytes.byteLength, "moov");
  if (moov && moov.end > bytes.byteLength) {
    bytes = await fetchRange(address, 0, moov.end);
    moov = findBox(new DataView(bytes), 0, bytes.byteLength, "moov");
  }
  if (!moov) throw new TypeError("This is no listening copy.");
  return { address, ...readIndex(new DataView(bytes), moov) };
}

async function fetchRange(address, start, end) {
  const answer = await fetch(address, { headers: { Range: `bytes=${start}-${end - 1}` } });
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  const bytes = await answer.arrayBuffer();
  return answer.status === 206 ? bytes : bytes.slice(start, end); // a server or cache may send all of it
}

function findBox(view, start, end, type) {
  for (let at = start; at + 8 <= end;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((k) => view.getUint8(at + k)));
    if (name === type) return { start: at + 8, end: at + size };
    if (size < 8) return null;
    at += size;
  }
  return null;
}

function readIndex(view, moov) {
  const inside = (box, ...path) => path.reduce((found, type) => found && findBox(view, found.start, found.end, type), box);
  const trak = inside(moov, "trak");
  const stbl = inside(trak, "mdia", "minf", "stbl");
  const elst = inside(trak, "edts", "elst");
  const entry = inside(stbl, "stsd").start + 8; // the only one, mp4a
  const priming = elst ? Math.max(0, view.getInt32(elst.start + 12)) : 0; // media time of the first edit
  return {
    channels: view.getUint16(entry + 8 + 16),
    rate: view.getUint32(entry + 8 + 24) >>> 16,
    priming,
    ...readFrames(view, inside(stbl, "stsz"), inside(stbl, "stsc"), inside(stbl, "stco")),
  };
}

// Position and size of every frame: chunks have positions, frames have sizes.
function readFrames(view, stsz, stsc, stco) {
  const count = view.getUint32(stsz.start + 8);
  const [offsets, sizes] = [new Uint32Array(count), new Uint32Array(count)];
  const runs = view.getUint32(stsc.start + 4);
  const chunks = view.getUint32(stco.start + 4);
  let [frame, run] = [0, 0];
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    while (run + 1 < runs && view.getUint32(stsc.start + 8 + 12 * (run + 1)) <= chunk + 1) run += 1;
    let at = view.getUint32(stco.start + 8 + 4 * chunk);
    for (let left = view.getUint32(stsc.start + 12 + 12 * run); left > 0 && frame < count; left -= 1, frame += 1) {
      offsets[frame] = at;
      sizes[frame] = view.getUint32(stsz.start + 12 + 4 * frame);
      at += sizes[frame];
    }
  }
  return { offsets, sizes };
}

function toAdts({ rate, channels, offsets, sizes }, bytes, first, end) {
  const source = new Uint8Array(bytes);
  const stream = new Uint8Array(source.length + (end - first) * ADTS_BYTES);
  const rateIndex = RATES_HZ.indexOf(rate);
  let at = 0;
  for (let frame = first; frame < end; frame += 1) {
    const start = offsets[frame] - offsets[first];
    const length = sizes[frame] + ADTS_BYTES;
    stream.set([
      0xff, 0xf1, 0x40 | (rateIndex << 2) | (channels >> 2), ((channels & 3) << 6) | (length >> 11),
      (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc,
    ], at);
    stream.set(source.subarray(start, start + sizes[frame]), at + ADTS_BYTES);
    at += length;
  }
  return stream;
}
