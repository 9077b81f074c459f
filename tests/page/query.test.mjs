// The page reads what is typed as the command line does (src/search/query.rs). No browser needed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readWords } from '../../www/core/state.js';

test('every case of the table is read as it says', () => {
  const cases = JSON.parse(readFileSync(new URL('../fixtures/queries.json', import.meta.url), 'utf8'));
  assert.ok(cases.length >= 15);
  for (const { text, words, without = [], phrases = [] } of cases)
    assert.deepEqual(readWords(text), { words, without, phrases }, JSON.stringify(text));
});
