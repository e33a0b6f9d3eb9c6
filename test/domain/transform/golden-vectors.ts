/**
 * Values in the forms of V1 and V2, written by hand: nothing here is computed by the code under test. A text stands for
 * its UTF-8 bytes, `hex:` for any bytes; a list of pairs is a hash.
 */
export type Form = string | readonly (readonly [string, string])[];
export type GoldenVector = { readonly what: string; readonly source: Form; readonly target: Form };

/** Each value goes up from V1's form to V2's form, and comes down again to the byte. */
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
  {
    what: 'the floats that Python writes and JSON has not',
    source:
      '{"offers": [{"score": NaN}], "score": NaN, "best": Infinity, "worst": -Infinity, "offer_id": NaN, "all": [NaN,-Infinity]}',
    target:
      '{"jobs": [{"score": NaN}], "score": NaN, "best": Infinity, "worst": -Infinity, "job_id": NaN, "all": [NaN,-Infinity]}',
  },
  {
    what: 'a byte order mark in front',
    source: 'hex:efbbbf7b226f6666657273223a5b5d7d',
    target: 'hex:efbbbf7b226a6f6273223a5b5d7d',
  },
  {
    what: 'a lone surrogate in bytes of its own',
    source: 'hex:7b226f6666657273223a22eda080227d',
    target: 'hex:7b226a6f6273223a22eda080227d',
  },
  {
    what: 'a session whose document has NaN',
    source: [['state', '{"offer_id": 1, "score": NaN}']],
    target: [['state', '{"job_id": 1, "score": NaN}']],
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
  {
    what: 'a session whose document spells the offers in another way than its fields',
    source: [
      ['offers', '[1]'],
      ['data', '{"offres":[],"offer_id":1}'],
      ['job_id', '7'],
    ],
    target: [
      ['jobs', '[1]'],
      ['data', '{"jobs":[],"job_id":1}'],
      ['job_id', '7'],
    ],
  },
  {
    what: 'two documents of one session in different spellings',
    source: [
      ['one', '{"offer_id":1}'],
      ['other', '{"job_id":1}'],
    ],
    target: [
      ['one', '{"job_id":1}'],
      ['other', '{"job_id":1}'],
    ],
  },
  {
    what: 'a list of results, old ones and new ones',
    source: '[{"offer_id":1},{"job_id":2},{"offer_id":3},{"job_id":4,"total_offers":1},{"total_offres":1}]',
    target: '[{"job_id":1},{"job_id":2},{"job_id":3},{"job_id":4,"total_jobs":1},{"total_jobs":1}]',
  },
  {
    what: 'a document within a document in another spelling',
    source: '{"offers":[{"offer_id":1}],"last":{"offres":[]}}',
    target: '{"jobs":[{"offer_id":1}],"last":{"jobs":[]}}',
  },
  {
    what: 'both names here and one there',
    source: '[{"offer_id":1,"job_id":1},{"offer_id":2}]',
    target: '[{"job_id":1},{"job_id":2}]',
  },
  {
    what: 'members that are repeated, each with a spelling of its own',
    source:
      '{"a":{"offers":1},"a":{"offres":2},"offer_id":{"offers":3},"offer_id":{"job_data":4},"a":{"offers":5}}',
    target: '{"a":{"jobs":1},"a":{"jobs":2},"job_id":{"jobs":3},"job_id":{"jobs":4},"a":{"jobs":5}}',
  },
  { what: 'a hash without fields', source: [], target: [] },
];
