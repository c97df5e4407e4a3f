/* Keys for the course: arrows walk, 1 to 8 lead to a stage, p is for a
   projector. Pages work without it. */
"use strict";

(() => {
  const root = document.documentElement;
  const slides = [...document.querySelectorAll(".slide")];
  let shown = -1;  // the slide on the projector, or -1

  const leaf = (kind) => document.querySelector(`link[rel="${kind}"]`);
  const projecting = () => shown >= 0;

  /* Whether nothing of a slide is wider than the screen. */
  const narrow = (slide) => [...slide.querySelectorAll(".scroll")].every(
    (box) => box.scrollWidth <= box.clientWidth + 1);

  /* Chooses the largest type with which a slide fits, within reason. What is
     still too high is scrolled, and need not be small. */
  function fit(slide) {
    const set = (size) => root.style.setProperty("--projected", `${size}px`);
    const fits = (size) => {
      set(size);
      return narrow(slide) && slide.offsetHeight <= innerHeight;
    };
    let size = Math.round(Math.min(44, Math.max(26, innerWidth / 36)));
    const least = slide.matches(".hunk") ? 18 : 20;
    while (size > least && !fits(size)) size -= 1;
    if (fits(size)) return;
    size = slide.matches(".hunk") ? 18 : 24;
    for (set(size); size > 12 && !narrow(slide); set(size)) size -= 1;
  }

  function show(number) {
    if (projecting()) slides[shown].classList.remove("shown");
    shown = number;
    const slide = slides[shown];
    root.classList.add("projector");
    slide.classList.add("shown");
    fit(slide);
    scrollTo(0, 0);
    root.style.setProperty("--walked", (shown + 1) / slides.length);
    history.replaceState(null, "", `?projector#${slide.id}`);
  }

  function leave() {
    const slide = slides[shown];
    slide.classList.remove("shown");
    shown = -1;
    root.classList.remove("projector");
    history.replaceState(null, "", `${location.pathname}#${slide.id}`);
    slide.scrollIntoView();
  }

  /* Where a page is read, the projector begins. */
  function reading() {
    const named = slides.findIndex(
      (slide) => `#${slide.id}` === location.hash);
    if (named >= 0 && slides[named].getBoundingClientRect().top > -40 &&
        slides[named].getBoundingClientRect().top < innerHeight)
      return named;
    const below = slides.findIndex(
      (slide) => slide.getBoundingClientRect().bottom > innerHeight / 4);
    return Math.max(below, 0);
  }

  /* Goes on to another page, with the projector if it is on. */
  function follow(link, place) {
    if (link)
      location.href = projecting() ? `${link.href}?projector${place}` :
        link.href;
  }

  const stage = (key) => /^[1-8]$/.test(key) &&
    document.querySelectorAll("header nav a")[key - 1];

  function walk(way) {
    const bottom = root.scrollHeight - innerHeight - scrollY;
    if (projecting() && way > 0 && bottom > 8)
      scrollBy(0, bottom < innerHeight * 0.9 ? bottom : innerHeight * 0.8);
    else if (projecting() && way < 0 && scrollY > 8)
      scrollBy(0, -innerHeight * 0.8);
    else if (projecting() && slides[shown + way])
      show(shown + way);
    else
      follow(leaf(way > 0 ? "next" : "prev"), way > 0 ? "" : "#last");
  }

  /* A box that can be scrolled sideways has the arrow keys while it has the
     focus. */
  const scrolls = (box) => box !== null && box.matches(".scroll") &&
    box.scrollWidth > box.clientWidth;

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const focused = document.activeElement;
    const plain = !projecting() && scrolls(focused);
    const onLink = focused !== null && focused.matches("a, summary");
    if (event.key === "ArrowRight" && !plain) walk(1);
    else if (event.key === "ArrowLeft" && !plain) walk(-1);
    else if (projecting() && (event.key === "PageDown" ||
        (event.key === " " && !onLink && !event.shiftKey))) walk(1);
    else if (projecting() && (event.key === "PageUp" ||
        (event.key === " " && !onLink))) walk(-1);
    else if (stage(event.key)) follow(stage(event.key), "");
    else if (projecting() && event.key === "Home") show(0);
    else if (projecting() && event.key === "End") show(slides.length - 1);
    else if (event.key === "p" && !projecting()) show(reading());
    else if (projecting() && (event.key === "p" || event.key === "Escape"))
      leave();
    else return;
    event.preventDefault();
  });

  addEventListener("resize", () => { if (projecting()) fit(slides[shown]); });

  if (new URLSearchParams(location.search).has("projector") &&
      slides.length > 0) {
    const named = slides.findIndex(
      (slide) => `#${slide.id}` === location.hash);
    show(location.hash === "#last" ? slides.length - 1 : Math.max(named, 0));
  }
})();
