import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExposition } from './exposition.js';

const HISTOGRAM = ['# TYPE h histogram', 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2'];

describe('the reader of expositions', () => {
  it('reads the example of the format’s description', () => {
    const text = [
      '# HELP http_requests_total The total number of HTTP requests.',
      '# TYPE http_requests_total counter',
      'http_requests_total{method="post",code="200"} 1027',
      'http_requests_total{method="post",code="400"}    3',
      '',
      '# Escaping in label values:',
      'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot:\\n\\"it\\""} ' +
        '1.4e9',
      'something_weird{problem="division by zero"} +Inf',
      '# TYPE rpc summary',
      'rpc{quantile="0.5"} 4773',
      'rpc_sum 1.7560473e+07',
      'rpc_count 2693',
      '',
    ].join('\n');
    const families = parseExposition(text);
    assert.deepEqual(
      families.map(({ name, type, samples }) => [name, type, samples.length]),
      [
        ['http_requests_total', 'counter', 2],
        ['msdos_file_access_time_seconds', 'untyped', 1],
        ['something_weird', 'untyped', 1],
        ['rpc', 'summary', 3],
      ],
    );
    assert.equal(families[0]?.help, 'The total number of HTTP requests.');
    const labels = families[1]?.samples[0]?.labels;
    assert.deepEqual(labels, { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot:\n"it"' });
    assert.equal(families[2]?.samples[0]?.value, Number.POSITIVE_INFINITY);
  });

  const wrong: Readonly<Record<string, readonly [text: readonly string[], reason: RegExp]>> = {
    'a last line without end': [['a 1\nb 2'], /last line/],
    'a name in two groups': [['a 1', 'b 1', 'a{x="1"} 1', ''], /one group/],
    'two help texts': [['# HELP a x', '# HELP a y', 'a 1', ''], /two help/],
    'two types': [['# TYPE a gauge', '# TYPE a gauge', 'a 1', ''], /two types/],
    'a type behind a sample': [['a 1', '# TYPE a gauge', ''], /before its type/],
    'an unknown type': [['# TYPE a number', 'a 1', ''], /unknown type/],
    'an unknown escape in help': [['# HELP a \\x', 'a 1', ''], /unknown escape/],
    'an unknown escape in a label': [['a{x="\\t"} 1', ''], /labels do not end/],
    'a label twice': [['a{x="1",x="2"} 1', ''], /twice/],
    'a series twice': [['a{x="1",y="2"} 1', 'a{y="2",x="1"} 1', ''], /same series/],
    'a name that begins with a digit': [['1a 1', ''], /no sample/],
    'a name with a dash': [['# TYPE a-b gauge', 'a-b 1', ''], /no name/],
    'a number of JavaScript': [['a Infinite', ''], /no number/],
    'no number': [['a ', ''], /no number/],
    'a family without sample': [['# TYPE a gauge', ''], /no sample/],
    'buckets that do not ascend': [
      ['# TYPE h histogram', 'h_bucket{le="2"} 1', 'h_bucket{le="1"} 1', ''],
      /does not ascend/,
    ],
    'buckets that are not cumulative': [
      ['# TYPE h histogram', 'h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 1', ''],
      /not cumulative/,
    ],
    'no bucket +Inf': [['# TYPE h histogram', 'h_bucket{le="1"} 2', ''], /no bucket/],
    'a count that is not that of +Inf': [[...HISTOGRAM, 'h_sum 1', 'h_count 3', ''], /_count 3/],
    'a histogram without sum': [[...HISTOGRAM, 'h_count 2', ''], /called h_sum/],
    'a summary without count': [['# TYPE s summary', 's_sum 1', ''], /called s_count/],
  };
  for (const [name, [lines, reason]] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseExposition(lines.join('\n')), { message: reason });
    });
  }
});
