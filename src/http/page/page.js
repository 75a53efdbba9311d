// Keeps the page up to date. Without it the page is loaded anew now and then.
'use strict';

const events = document.body.dataset['events'];

/** Says on the reader's own clock when something was. */
function showLocalTimes() {
  for (const time of document.querySelectorAll('time')) time.title = new Date(time.dateTime).toLocaleString();
}

/** Puts a part of the page, which the server has escaped, in place of what is there. */
function replacePart(id, text) {
  if (id === 'title') {
    document.title = text;
    return;
  }
  const element = document.getElementById(id);
  if (element === null) return;
  // What the reader has opened, and where the keyboard stands, stays so.
  const opened = [...element.querySelectorAll('details')].map((one) => one.open);
  const links = [...element.querySelectorAll('a, summary, [tabindex]')];
  const focused = links.indexOf(document.activeElement);
  element.innerHTML = text;
  element.querySelectorAll('details').forEach((one, at) => (one.open = opened[at] === true));
  if (focused >= 0) element.querySelectorAll('a, summary, [tabindex]')[focused]?.focus({ preventScroll: true });
}

/** What stands here may be out of date: that must not look like good news. */
function showConnection(isLost) {
  const element = document.getElementById('connection');
  if (element === null || element.hidden === !isLost) return;
  element.hidden = !isLost;
  element.textContent = isLost
    ? `The daemon has not been heard since ${new Date().toLocaleTimeString()}: what stands here may be out of date.`
    : '';
}

showLocalTimes();
if (events !== undefined) {
  const stream = new EventSource(events);
  stream.addEventListener('parts', (event) => {
    for (const [id, text] of Object.entries(JSON.parse(event.data))) replacePart(id, text);
    showLocalTimes();
    showConnection(false);
  });
  stream.addEventListener('open', () => showConnection(false));
  stream.addEventListener('error', () => showConnection(true));
}
