// The check on the auditor's page: reads the chosen files and has the bundle verified here. Nothing is
// sent anywhere. Texts are put into the page as texts, never as markup.
import { verify } from '/assets/bundle.js';

const german = {
  code: 'Exit-Code', working: 'Die Prüfung läuft …', unread: 'Eine Datei ist nicht lesbar.',
  insecure: 'Dieser Browser rechnet hier nicht: Prüfsummen und Unterschriften gibt es für Seiten nur über HTTPS. '
    + 'Prüfen Sie mit: sfs verify proof.tar --policy policy',
  meaning: {
    0: 'In Ordnung.', 10: 'In Ordnung; Angaben zu Personen wurden seither gelöscht.',
    20: 'Unvollständig: etwas fehlt oder ist nicht lesbar.',
    30: 'Das Protokoll setzt nicht fort, was gemerkt war.', 40: 'Falsch: etwas ist nicht, was es zu sein behauptet.',
    50: 'Nicht so unterschrieben, bezeugt oder frisch, wie die Policy verlangt.',
  },
  first: 'Erster Befund (Wortlaut des Prüfprogramms)', more: 'Weitere Befunde', skipped: 'Nicht geprüft',
  facts: (it) => [
    ['Protokoll', it.origin && `${it.origin}, ${it.size} Ereignisse`], ['Wurzel', it.root],
    ['Ereignisse im Bündel', it.events], ['Unterschrieben von', it.signed_by.join(', ')],
    ['Mitgezeichnet von', it.cosigned_by.join(', ')],
  ],
  /** What the program says in English when it leaves something out. */
  said: {
    'whether others are shown the same log, and how old the checkpoint is: no witness is asked for':
      'ob andere dasselbe Protokoll sehen, und wie alt der Prüfpunkt ist: die Policy verlangt keinen Zeugen',
    'how old the checkpoint may be: no limit was given': 'wie alt der Prüfpunkt sein darf: es ist keine Grenze angegeben',
    'whether the log continues what was known of it: no checkpoint was remembered':
      'ob das Protokoll fortsetzt, was davon bekannt war: es ist kein gemerkter Prüfpunkt gewählt',
    'the timestamp replies: openssl ts -verify checks them': 'die Zeitstempel: das tut openssl ts -verify',
    'events that are not in the bundle, and whether a figure follows from these':
      'Ereignisse, die nicht im Bündel sind, und ob eine Zahl aus diesen folgt',
    'sealed data': 'verschlüsselte Angaben zu Personen',
    'what was never recorded, and whether what was recorded is true':
      'was nie eingetragen wurde, und ob wahr ist, was eingetragen wurde',
  },
};
const english = {
  code: 'exit code', working: 'Verifying …', unread: 'A file cannot be read.',
  insecure: 'This browser does not compute here: pages have checksums and signatures over HTTPS only. '
    + 'Verify with: sfs verify proof.tar --policy policy',
  meaning: {
    0: 'In order.', 10: 'In order; data of persons have been erased since.',
    20: 'Incomplete: something is missing or unreadable.',
    30: 'The log does not continue what was remembered.', 40: 'False: something is not what it says to be.',
    50: 'Not signed, witnessed or fresh as the policy wants.',
  },
  first: 'First finding', more: 'Further findings', skipped: 'Not checked',
  facts: (it) => [
    ['Log', it.origin && `${it.origin}, ${it.size} events`], ['Root', it.root],
    ['Events in the bundle', it.events], ['Signed by', it.signed_by.join(', ')],
    ['Cosigned by', it.cosigned_by.join(', ')],
  ],
  said: {},
};
const isGerman = document.documentElement.lang === 'de';
const words = isGerman ? german : english;

const form = document.getElementById('check');
const result = document.getElementById('result');
const element = (name, content, attributes = {}) => {
  const made = document.createElement(name);
  made.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
/** What the program said, in the page's language where there is such a text. */
const spoken = (name, text) => element(name, words.said[text] ?? text, isGerman && !words.said[text] ? { lang: 'en' } : {});
const list = (title, lines) => (lines.length
  ? [element('h3', title), element('ul', lines.map((line) => spoken('li', line)))] : []);

function show(report) {
  const verdict = element('p', [element('strong', words.meaning[report.code]), ` (${words.code} ${report.code})`],
    { class: 'verdict' });
  const facts = words.facts(report).filter(([, value]) => value);
  const [first, ...more] = report.findings;
  result.replaceChildren(verdict, ...list(words.first, first ? [first] : []), ...list(words.more, more),
    element('dl', facts.flatMap(([name, value]) => [element('dt', name), element('dd', String(value))])),
    ...list(words.skipped, report.not_checked));
}

const bytesOf = async (id) => {
  const [file] = document.getElementById(id).files;
  return file && new Uint8Array(await file.arrayBuffer());
};

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  result.textContent = words.working;
  try {
    const [bundle, policy, remembered] = await Promise.all(['bundle', 'policy', 'seen'].map(bytesOf));
    show(await verify(bundle, policy, { remembered }));
  } catch {
    result.textContent = words.unread;
  }
});

if (globalThis.crypto?.subtle) form.hidden = false;
else result.textContent = words.insecure;
