"use strict";

// <track-list>: a list that is fetched again when uploads change, but not under the hands of somebody who edits.
(() => {
  class TrackList extends HTMLElement {
    connectedCallback() {
      this.addEventListener("htmx:beforeRequest", (event) => {
        const refreshes = event.detail.elt === this;
        if (refreshes && this.querySelector(".track-form, details.menu[open]")) event.preventDefault();
      });
    }
  }

  customElements.define("track-list", TrackList);
})();
