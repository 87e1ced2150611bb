"use strict";

// <track-list>: a list that reloads when uploads change, but never while the user is editing in it.
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
