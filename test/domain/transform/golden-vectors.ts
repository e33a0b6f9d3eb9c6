/**
 * Both forms of values as V1 and V2 hold them, written by hand: nothing here is computed by the code under test
 * (L13). A text stands for its UTF-8 bytes, `hex:` for any bytes; a list of pairs is a hash.
 */
export type Form = string | readonly (readonly [string, string])[];
export type GoldenVector = { readonly what: string; readonly source: Form; readonly target: Form };

/** On V1 (left) and on V2 (right): each goes up and comes down again to the byte. */
export const CARRIED: readonly GoldenVector[] = [
  {
    what: 'a match result with emoji, accents, 94.5 and 1.0',
    source:
      '{"algorithm_used":"smart-match","execution_time_ms":45.32,"total_jobs_analyzed":1,"matches":[{"offer_id":"job-123","matching_score":94.5,"confidence":1.0,"matching_details":{"skills":95,"location":100},"recommendations":["🎯 Excellent match - Candidature fortement recommandée"]},{"offer_id":7,"matching_score":88.0,"recommendations":[]}],"cache_hit":false}',
    target:
      '{"algorithm_used":"smart-match","execution_time_ms":45.32,"total_jobs_analyzed":1,"matches":[{"job_id":"job-123","matching_score":94.5,"confidence":1.0,"matching_details":{"skills":95,"location":100},"recommendations":["🎯 Excellent match - Candidature fortement recommandée"]},{"job_id":7,"matching_score":88.0,"recommendations":[]}],"cache_hit":false}',
  },
  {
    what: 'a match result that says job_id already',
    source: '{"matches":[{"job_id":"job-123","matching_score":94.5}],"cache_hit":false}',
    target: '{"matches":[{"job_id":"job-123","matching_score":94.5}],"cache_hit":false}',
  },
  {
    what: 'a French meta block with total_offres',
    source: '{"status":"ok","resultats":[],"meta":{"total_offres":12,"offres_retournees":3}}',
    target: '{"status":"ok","resultats":[],"meta":{"total_jobs":12,"offres_retournees":3}}',
  },
  {
    what: 'total_offers and offer_ids',
    source: '{"total_offers":3,"offer_ids":["a","b",3]}',
    target: '{"total_jobs":3,"job_ids":["a","b",3]}',
  },
  {
    what: 'a candidate',
    source:
      '{"competences":["Python","React"],"adresse":"12 rue de l’Église, Paris","annees_experience":4,"salaire_souhaite":55000}',
    target:
      '{"competences":["Python","React"],"adresse":"12 rue de l’Église, Paris","annees_experience":4,"salaire_souhaite":55000}',
  },
  {
    what: 'a request whose offers keep their own names',
    source:
      '{"candidate":{"id":1},"offers":[{"id":"job001","titre":"Développeur","offer_id":9,"offers":[],"total_offers":1}],"limit":10}',
    target:
      '{"candidate":{"id":1},"jobs":[{"id":"job001","titre":"Développeur","offer_id":9,"offers":[],"total_offers":1}],"limit":10}',
  },
  {
    what: 'offres',
    source: '{"candidat":{},"offres":[{"titre":"a"}],"options":{"limite":5}}',
    target: '{"candidat":{},"jobs":[{"titre":"a"}],"options":{"limite":5}}',
  },
  {
    what: 'job_data that is an object, with names inside',
    source: '{"cv_data":{},"job_data":{"offer_id":1,"jobs":[]},"algorithm":"x"}',
    target: '{"cv_data":{},"jobs":{"offer_id":1,"jobs":[]},"algorithm":"x"}',
  },
  {
    what: 'native jobs, with synonyms only inside them',
    source: '{"jobs":[{"offer_id":1,"job_id":2}],"total_offers":1}',
    target: '{"jobs":[{"offer_id":1,"job_id":2}],"total_jobs":1}',
  },
  {
    what: 'nested objects and arrays',
    source: '[[{"data":{"offers":[],"more":[{"offer_id":1},{"offer_id":2}]}}],{"offers":null}]',
    target: '[[{"data":{"jobs":[],"more":[{"job_id":1},{"job_id":2}]}}],{"jobs":null}]',
  },
  {
    what: 'a pretty-printed document',
    source: '{\n  "offers" : [\n    1.0,\n    -0\n  ],\r\n\t"offer_id":\t"x"\n}\n',
    target: '{\n  "jobs" : [\n    1.0,\n    -0\n  ],\r\n\t"job_id":\t"x"\n}\n',
  },
  {
    what: 'big integers, exponents, escapes and repeated unknown members',
    source: '{"offer_id":12345678901234567890123,"a":1e400,"a":"\\u00e9\\/\\ud83d","b\\n":0.10,"offers":[]}',
    target: '{"job_id":12345678901234567890123,"a":1e400,"a":"\\u00e9\\/\\ud83d","b\\n":0.10,"jobs":[]}',
  },
  {
    what: 'a name repeated in one spelling',
    source: '{"offer_id":1,"offer_id":2}',
    target: '{"job_id":1,"job_id":2}',
  },
  {
    what: 'names in values, and names that only resemble',
    source:
      '{"field":"offers","text":"{\\"offers\\":1}","Offers":1,"offers_data":2,"offer":3," offers":4,"offers":5}',
    target:
      '{"field":"offers","text":"{\\"offers\\":1}","Offers":1,"offers_data":2,"offer":3," offers":4,"jobs":5}',
  },
  { what: 'an empty list of offers', source: '{"offers":[]}', target: '{"jobs":[]}' },
  {
    what: 'two synonyms that are plainly equal',
    source: '{"offers":[1],"jobs":[1],"x":2}',
    target: '{"jobs":[1],"x":2}',
  },
  {
    what: 'plainly equal synonyms as Python writes them',
    source: '{"candidate": {}, "offers": [{"id": 1}], "jobs": [{"id": 1}]}',
    target: '{"candidate": {}, "jobs": [{"id": 1}]}',
  },
  {
    what: 'plainly equal synonyms at the start of a Python document',
    source: '{"offer_id": 7, "job_id": 7}',
    target: '{"job_id": 7}',
  },
  {
    what: 'plainly equal synonyms in a pretty-printed document',
    source: '{\n  "offers": [1],\n  "offres": [1],\n  "jobs": [1]\n}',
    target: '{\n  "jobs": [1]\n}',
  },
  {
    what: 'equal synonyms in each object of a list',
    source: '{"matches":[{"offer_id":1,"job_id":1},{"s":2,"offer_id":2,"job_id":2}]}',
    target: '{"matches":[{"job_id":1},{"s":2,"job_id":2}]}',
  },
  {
    what: 'a session with legacy offers',
    source: [
      ['user_id', '42'],
      ['candidate', '{"nom":"Zoé","offer_ids":[1,2]}'],
      ['offers', '[{"id":1,"titre":"Développeur","offer_id":5}]'],
      ['total_offers', '1'],
      ['offer_id', 'job-1'],
      ['created_at', '1748908800.5'],
    ],
    target: [
      ['user_id', '42'],
      ['candidate', '{"nom":"Zoé","job_ids":[1,2]}'],
      ['jobs', '[{"id":1,"titre":"Développeur","offer_id":5}]'],
      ['total_jobs', '1'],
      ['job_id', 'job-1'],
      ['created_at', '1748908800.5'],
    ],
  },
  {
    what: 'a session with native jobs, whose value is not looked into',
    source: [
      ['jobs', '{"offers":[1],"jobs":[2]}'],
      ['state', 'not { json'],
    ],
    target: [
      ['jobs', '{"offers":[1],"jobs":[2]}'],
      ['state', 'not { json'],
    ],
  },
  {
    what: 'a session with one JSON field',
    source: [['data', '{"offres": [], "total_offres": 0}']],
    target: [['data', '{"jobs": [], "total_jobs": 0}']],
  },
  {
    what: 'a hash with equal synonyms',
    source: [
      ['offers', '[1]'],
      ['jobs', '[1]'],
      ['a', 'b'],
    ],
    target: [
      ['jobs', '[1]'],
      ['a', 'b'],
    ],
  },
  { what: 'a hash without fields', source: [], target: [] },
];

/** The same bytes on both sides. */
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
  { what: 'a cut document', value: '{"offers":[1,2' },
  { what: 'a document with something behind it', value: '{"offers":[]}x' },
  { what: 'two documents', value: '{"offers":[]}\n{"offers":[]}' },
  { what: 'a Python dict', value: "{'offers': []}" },
  { what: 'NaN, which is not JSON', value: '{"offers":[],"score":NaN}' },
  { what: 'invalid UTF-8', value: 'hex:7b226f6666657273223a22ff227d' },
  { what: 'a byte order mark', value: 'hex:efbbbf7b226f6666657273223a5b5d7d' },
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

/** Never carried: it cannot be said in V2's names without losing something, or could not come back. */
export const REFUSED: readonly { readonly what: string; readonly value: Form }[] = [
  { what: 'offers and jobs that differ', value: '{"offers":[1],"jobs":[2]}' },
  { what: 'equal but not to the byte', value: '{"offers":[1],"jobs":[1.0]}' },
  { what: 'three synonyms, one of which differs', value: '{"offers":[],"offres":[],"job_data":null}' },
  { what: 'one synonym twice beside another', value: '{"offer_id":1,"job_id":1,"offer_id":1}' },
  { what: 'offer_id here and job_id there', value: '[{"offer_id":1},{"job_id":2}]' },
  { what: 'both names here and one there', value: '[{"offer_id":1,"job_id":1},{"offer_id":2}]' },
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
  {
    what: 'a field and a document in it in different spellings',
    value: [
      ['offers', '[1]'],
      ['data', '{"offres":[]}'],
    ],
  },
  {
    what: 'two documents in different spellings',
    value: [
      ['one', '{"offer_id":1}'],
      ['other', '{"job_id":1}'],
    ],
  },
  { what: 'a hash field with a conflict inside', value: [['data', '{"offers":1,"jobs":2}']] },
];
