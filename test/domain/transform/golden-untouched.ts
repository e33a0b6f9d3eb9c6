import type { Form } from './golden-vectors.ts';

/** Values that have the same bytes on both sides. */
export const OPAQUE: readonly { readonly what: string; readonly value: Form }[] = [
  { what: 'a pickle of {"offers": []}', value: 'hex:8004950f000000000000007d948c066f6666657273945d94732e' },
  {
    what: 'a tagged zlib blob',
    value: 'hex:636f6d707265737365643a789c6b6099cacf0001b5537ad8f2d3d2528b8aa7c44e29d6030050150777',
  },
  { what: 'a tagged pickle', value: 'hex:7261773a8004950f000000000000007d948c066f6666657273945d94732e' },
  { what: 'float32 embeddings', value: 'hex:0000803f000000c00000003f0000bd42' },
  { what: 'a counter', value: '17' },
  { what: 'a float', value: '94.5' },
  { what: 'a JSON string', value: '"offers"' },
  { what: 'a word', value: 'offers' },
  { what: 'nothing', value: '' },
  { what: 'a cut document without a name', value: '{"id":1,"n' },
  { what: 'a Python dict without a name', value: "{'id': 1}" },
  { what: 'a log line that speaks of offers', value: '[12:00] offers: 3' },
  { what: 'a text in braces with a name in quotes, of which nothing is said', value: '{the "offers" list}' },
  { what: 'latin-1 without a name', value: 'hex:7b226e6f6d223a225a6fe9227d' },
  {
    what: 'a snappy blob that begins like a document by chance',
    value: 'hex:7bf07a7b226f6666657273223a5b315d2c22',
  },
  {
    what: 'a pickle of the text {"offers": 1}',
    value: 'hex:80049512000000000000008c0e7b226f6666657273223a20317d942e',
  },
  { what: 'an old pickle of the text {"offers": 1}', value: 'V{"offers": 1}\np0\n.' },
  {
    what: 'an RQ job',
    value: [
      ['data', 'hex:789ccb4f4b4b2d2a56c807530023fc052b'],
      ['created_at', '2025-06-03T10:00:00Z'],
      ['status', 'queued'],
      ['timeout', '180'],
    ],
  },
];

/** Values that are never carried: V2's form would lose something, or they could not come back. */
export const REFUSED: readonly { readonly what: string; readonly value: Form }[] = [
  { what: 'a cut document', value: '{"offers":[1,2' },
  { what: 'a document with something behind it', value: '{"offers":[]}x' },
  { what: 'two documents', value: '{"offers":[]}\n{"offers":[]}' },
  { what: 'a Python dict', value: "{'offers': []}" },
  { what: 'a document with a comma too many', value: '{"offer_id": 1,}' },
  { what: 'NaN in another spelling', value: '{"offers":[],"score":nan}' },
  { what: 'an infinity with a plus', value: '{"offers":[],"score":+Infinity}' },
  { what: 'latin-1', value: 'hex:7b226f6666657273223a5b5d2c226e6f6d223a225a6fe9227d' },
  { what: 'a document that was quoted once too often', value: '{\\"offers\\": []}' },
  { what: 'a document with a comment', value: '{"offers":[] /* v1 */}' },
  { what: 'a cut document with a name in escapes', value: '{"\\u006fffers" : [' },
  { what: 'a session with a cut document', value: [['state', ' {"x":{"total_offres" :1']] },
  { what: 'offers and jobs that differ', value: '{"offers":[1],"jobs":[2]}' },
  { what: 'equal but not to the byte', value: '{"offers":[1],"jobs":[1.0]}' },
  { what: 'three synonyms, one of which differs', value: '{"offers":[],"offres":[],"job_data":null}' },
  {
    what: 'two synonyms that differ in one of many objects',
    value: '[{"offer_id":1},{"job_id":2},{"offer_id":1,"job_id":2}]',
  },
  { what: 'one synonym twice beside another', value: '{"offer_id":1,"job_id":1,"offer_id":1}' },
  {
    what: 'equal synonyms that hold names themselves',
    value: '{"offer_id":{"offers":1},"job_id":{"offers":1}}',
  },
  { what: 'a name written with escapes', value: '{"\\u006fffers":[]}' },
  { what: 'a canonical name written with escapes', value: '{"job\\u005Fid":1}' },
  {
    what: 'hash fields that differ',
    value: [
      ['offers', '[1]'],
      ['jobs', '[2]'],
    ],
  },
  { what: 'a hash field with a conflict inside', value: [['data', '{"offers":1,"jobs":2}']] },
];
