// How well a site tells words that it has an answer to from words that it has none to:
//   node benches/quality/relevance.mjs SITE [VITRINE]
// SITE is what `vitrine site` wrote of a catalog of clothes. None of these phrases is among those that it was measured with.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Catalog } from '../../www/core/catalog.js';
import { cut } from '../../www/core/relevance.js';

const unrelated = [
  'submarine periscope', 'income statement', 'boiled potatoes', 'a glass of milk', 'moon landing', 'tractor tyre',
  'nuclear reactor', 'pizza with mushrooms', 'the history of rome', 'credit card debt', 'a barking dog', 'swimming pool filter',
  'windows update', 'grand piano', 'quantum physics', 'plumber near me', 'sushi menu', 'lawn mower',
  'passport renewal', 'a map of france', 'stock market crash', 'ice cream cone', 'toothbrush', 'dishwasher repair',
  'train to berlin', 'football results', 'a red sports car', 'spicy chicken curry', 'tax advisor', 'computer keyboard',
  'smoke detector', 'a tall building', 'blue whale', 'climate change', 'hotel booking', 'knitting needles shop opening hours',
  'vacuum cleaner bags', 'pencil sharpener', 'grey elephant', 'green tea', 'chocolate bar', 'rusty anchor',
  'asphalt road', 'cardboard box', 'a bunch of bananas', 'solar panel', 'blood pressure', 'wedding cake',
  'fishing rod', 'rocket engine', 'yellow submarine', 'legal advice', 'mortgage rates', 'sunflower seeds',
  'drum kit', 'camping stove', 'sand castle', 'microscope slide', 'a loaf of bread', 'thunderstorm',
];
const fitting = [
  'red dress', 'striped shirt', 'blue jeans', 'black skirt', 'a warm coat for winter', 'white t-shirt',
  'green jacket', 'floral summer dress', 'long sleeve blouse', 'leather bag', 'brown shoes', 'knitted sweater',
  'navy trousers', 'sleeveless top', 'polka dot dress', 'checked shirt', 'grey hoodie', 'pink skirt',
  'yellow dress', 'short black dress', 'maxi skirt', 'v-neck sweater', 'denim jacket', 'orange top',
  'purple shirt', 'something to wear at the beach', 'plain white shirt', 'mini dress with short sleeves', 'beige coat', 'wide leg trousers',
  'a handbag', 'sneakers', 'boots', 'cardigan', 'blazer', 'shorts',
  'dark blue shirt with buttons', 'dress with flowers', 'turtleneck', 'striped t-shirt', 'hat', 'scarf',
  'black trousers', 'casual cotton shirt', 'office outfit', 'party dress', 'red shoes', 'green bag',
  'blue skirt with pleats', 'light blue shirt', 'long coat', 'crew neck top', 'white sneakers', 'burgundy sweater',
  'cream blouse', 'khaki shorts', 'patterned skirt', 'jumper with stripes', 'slim fit jeans', 'evening gown',
];

const [site, vitrine = 'target/release/vitrine'] = process.argv.slice(2);
if (!site) {
  console.error('usage: node benches/quality/relevance.mjs SITE [VITRINE]');
  process.exit(2);
}
const json = (file) => JSON.parse(readFileSync(path.join(site, file), 'utf8'));
const { relevance } = json('site.json');
const manifest = json('catalog/catalog.json');
const catalog = new Catalog('file:///', manifest);
for (const { items } of manifest.shards) for (const item of json(`catalog/${items.file}`)) catalog.add(item);

/** Whether the page would say that nothing is a good match. */
function refused(words) {
  const command = ['search', path.join(site, 'catalog'), '--model', path.join(site, 'model'), '--text', words, '--mode', 'vector', '-k', '12', '--json'];
  const { hits } = JSON.parse(execFileSync(vitrine, command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  return cut(hits, relevance, 'text', catalog.familiar(words)).few === 0;
}

const percent = (list, test) => `${Math.round((100 * list.filter(test).length) / list.length)} %`;
const answers = new Map([...unrelated, ...fitting].map((words) => [words, refused(words)]));
console.log(JSON.stringify(relevance));
console.log(`unrelated, refused: ${percent(unrelated, (words) => answers.get(words))} of ${unrelated.length}; answered: ${unrelated.filter((words) => !answers.get(words)).join(', ')}`);
console.log(`fitting, answered: ${percent(fitting, (words) => !answers.get(words))} of ${fitting.length}; refused: ${fitting.filter((words) => answers.get(words)).join(', ')}`);
