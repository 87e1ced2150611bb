// Times as people read them.

// Seconds as m:ss, with so many digits behind the point.
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const rounded = Math.round(Math.abs(seconds) * unit);
  const [whole, rest] = [Math.floor(rounded / unit), rounded % unit];
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  const tail = digits ? `.${String(rest).padStart(digits, "0")}` : "";
  return `${seconds < 0 && rounded ? "-" : ""}${head}:${String(whole % 60).padStart(2, "0")}${tail}`;
}
