// The beats of a song whose grid is trusted: points that a handle snaps to, and the step of one beat.

const USUAL_S = 1; // step where no beat is known

export class Beats {
  // places: seconds of the file, ascending, around the join; bars: those of them that begin a bar
  constructor(places = [], bars = []) {
    this.places = places;
    this.bars = new Set(bars);
  }

  // Return whether beats are known at a second of the file.
  cover(seconds) {
    return this.places.length > 1 && seconds >= this.places[0] && seconds <= this.places.at(-1);
  }

  // Return the nearest beat within `reach` seconds of `seconds`, or null.
  nearest(seconds, reach) {
    const distance = (place) => Math.abs(place - seconds);
    const best = this.places.reduce((kept, place) => (distance(place) < distance(kept) ? place : kept), Infinity);
    return distance(best) <= reach ? best : null;
  }

  // Return the seconds that one beat takes at a second of the file.
  stepAt(seconds) {
    if (!this.cover(seconds)) return USUAL_S;
    const after = Math.max(1, this.places.findIndex((place) => place >= seconds));
    return this.places[after] - this.places[after - 1];
  }
}
