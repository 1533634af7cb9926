// The page of the interface: lists what the OpenAPI document says, and sends a request. Texts are
// put into the page as texts, never as markup.
'use strict';

const place = document.getElementById('operations');
const element = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

let api;
let count = 0;

/** Follows a reference inside the document. */
function resolved(schema) {
  let found = schema;
  for (let depth = 0; found && found.$ref && depth < 20; depth += 1) {
    const target = found.$ref.slice(2).split('/').reduce((node, part) => node && node[part], api);
    found = { ...target, ...Object.fromEntries(Object.entries(found).filter(([key]) => key !== '$ref')) };
  }
  return found || {};
}

/** A value that fits a schema, to begin with. */
function example(schema, depth = 0) {
  const s = resolved(schema);
  if (depth > 8) return null;
  if (s.examples) return s.examples[0];
  if (s.const !== undefined) return s.const;
  if (s.enum) return s.enum[0];
  const alternatives = s.oneOf || s.anyOf;
  if (alternatives) return example(alternatives[0], depth + 1);
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  if (type === 'object' || s.properties) {
    const required = s.required || [];
    return Object.fromEntries(required.map((name) => [name, example((s.properties || {})[name] || {}, depth + 1)]));
  }
  if (type === 'array') return s.items ? [example(s.items, depth + 1)] : [];
  if (type === 'integer' || type === 'number') return s.minimum ?? 0;
  if (type === 'boolean') return false;
  if (s.format === 'date') return new Date().toISOString().slice(0, 10);
  if (s.format === 'uuid') return crypto.randomUUID ? crypto.randomUUID() : '00000000-0000-4000-8000-000000000000';
  return type === 'string' ? 'x' : null;
}

/** Says what a schema wants, in few words. */
function wanted(schema) {
  const s = resolved(schema);
  const alternatives = s.oneOf || s.anyOf;
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.enum) return s.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (alternatives) return alternatives.map(wanted).join(' | ');
  const type = Array.isArray(s.type) ? s.type.join(' | ') : s.type || 'object';
  const more = [s.format, s.pattern, s.minimum !== undefined && `≥ ${s.minimum}`, s.maximum !== undefined && `≤ ${s.maximum}`];
  const items = s.items ? ` of ${wanted(s.items)}` : '';
  return [type + items, ...more.filter(Boolean)].join(', ');
}

/** Rows for the fields of a schema. */
function fieldRows(schema, prefix, rows, depth = 0) {
  const s = resolved(schema);
  if (depth > 5) return;
  for (const [name, field] of Object.entries(s.properties || {})) {
    const needed = (s.required || []).includes(name) ? 'ja' : '';
    rows.push([`${prefix}/${name}`, wanted(field), needed, resolved(field).description || '']);
    fieldRows(field, `${prefix}/${name}`, rows, depth + 1);
  }
  for (const alternative of s.oneOf || s.anyOf || []) fieldRows(alternative, prefix, rows, depth + 1);
}

function table(heads, rows) {
  const made = element('table');
  const head = element('tr');
  heads.forEach((text) => head.append(element('th', text, { scope: 'col' })));
  made.append(head);
  for (const row of rows) {
    const line = element('tr');
    row.forEach((text) => line.append(element('td', text)));
    made.append(line);
  }
  return made;
}

function field(parent, label, value, multiline) {
  count += 1;
  const id = `field-${count}`;
  parent.append(element('label', label, { for: id }));
  const input = element(multiline ? 'textarea' : 'input', undefined, { id, spellcheck: 'false' });
  if (multiline) input.rows = 12;
  input.value = value;
  parent.append(input);
  return input;
}

async function send(method, path, parameters, media, body, output) {
  const query = new URLSearchParams();
  const headers = new Headers();
  let address = path;
  for (const [parameter, input] of parameters) {
    if (input.value === '') continue;
    if (parameter.in === 'query') query.append(parameter.name, input.value);
    else if (parameter.in === 'header') headers.set(parameter.name, input.value);
    else address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
  }
  const key = document.getElementById('key').value.trim();
  if (key) headers.set('authorization', `Bearer ${key}`);
  if (body) headers.set('content-type', media);
  const search = query.toString();
  output.textContent = '…';
  try {
    const response = await fetch(address + (search && `?${search}`), { method, headers, body: body && body.value });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    // A feed has no end: what came within two seconds, or 64 KiB, will do.
    const timer = setTimeout(() => reader.cancel(), 2000);
    for (;;) {
      const { done, value } = await reader.read();
      if (done || text.length > 65536) break;
      text += decoder.decode(value, { stream: true });
    }
    clearTimeout(timer);
    reader.cancel();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* Not JSON: shown as it is. */ }
    const shown = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    output.textContent = `${response.status} ${response.statusText}\n${shown}\n\n${text}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function operation(path, method, described) {
  const box = element('details');
  box.dataset.search = `${method} ${path} ${described.summary} ${described.operationId}`.toLowerCase();
  const summary = element('summary');
  summary.append(element('code', `${method.toUpperCase()} ${path}`), described.summary || '');
  box.append(summary);
  // Filled when it is opened: there are many.
  box.addEventListener('toggle', () => box.open && box.children.length === 1 && fill(box, path, method, described));
  return box;
}

function fill(box, path, method, described) {
  if (described.description) box.append(element('p', described.description));
  if (described['x-roles']) box.append(element('p', `Rollen: ${described['x-roles'].join(', ')}`));
  const parameters = (described.parameters || []).map((parameter) => [parameter,
    field(box, `${parameter.name} (${parameter.in}${parameter.required ? ', nötig' : ''}): ${parameter.description || ''}`,
      parameter.required ? String(example(parameter.schema)) : '', false)]);
  let media;
  let body;
  if (described.requestBody) {
    media = Object.keys(described.requestBody.content)[0];
    const { schema } = described.requestBody.content[media];
    const rows = [];
    fieldRows(schema, '', rows);
    if (rows.length) box.append(table(['Feld', 'erwartet', 'nötig', 'Bedeutung'], rows));
    const first = example(schema);
    body = field(box, `Inhalt (${media})`, typeof first === 'string' ? first : JSON.stringify(first, null, 2), true);
  }
  const button = element('button', 'Senden', { type: 'button' });
  const output = element('pre', '', { tabindex: '0', 'aria-label': 'Antwort' });
  button.addEventListener('click', () => send(method.toUpperCase(), path, parameters, media, body, output));
  box.append(button, output);
  const answers = Object.entries(described.responses).map(([status, answer]) => [status, answer.description]);
  box.append(table(['Status', 'Antwort'], answers));
  if (described['x-rules']) {
    box.append(table(['Regel', 'Feld', 'Satz'], described['x-rules'].map((rule) => [rule.rule, rule.pointer, rule.de])));
  }
}

async function begin() {
  api = await (await fetch('/openapi.json')).json();
  const groups = new Map(api.tags.map((tag) => [tag.name, element('section')]));
  groups.forEach((section, name) => section.append(element('h2', name)));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      groups.get(described.tags[0]).append(operation(path, method, described));
    }
  }
  place.append(...groups.values());
  document.getElementById('search').addEventListener('input', (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const box of place.querySelectorAll('details')) {
      box.hidden = !words.every((word) => box.dataset.search.includes(word));
    }
  });
}

begin().catch((error) => { place.textContent = String(error); });
