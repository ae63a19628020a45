// SPDX-License-Identifier: Apache-2.0
import { streams } from '../../packages/fasten/src/core/row.ts'
import { endpoints } from '../../packages/fasten/src/reader/endpoints.ts'
import {
  filterParameters,
  steering,
  type Parameter,
  type ParameterKind,
} from '../../packages/fasten/src/reader/parameters.ts'
import { code, page, table } from './page.ts'

export function readerPage(): string {
  return page('Reader HTTP API', 'packages/fasten/src/reader/parameters.ts and endpoints.ts', [
    'What every question and answer means stands in [spec/query.md](../../spec/query.md), how to mount the reader in ' +
      '[the guide](../guides/reader.md), and every shape in [spec/reader.openapi.json](../../spec/reader.openapi.json). The command ' +
      'line takes the same filters with dashes for underscores: `--request-id`, `--has-flag`.',
    '## Endpoints',
    table(
      ['Path', 'Answers', 'Media type'],
      endpoints.map(({ path, summary, answers }) => [
        code(path),
        summary,
        Object.keys(answers).map(code).join(', '),
      ]),
    ),
    '## Parameters that select rows',
    'All that are given must hold.',
    parameterTable(filterParameters),
    '## Parameters that steer the answer',
    parameterTable(Object.values(steering)),
    '## Which endpoint takes which',
    table(
      ['Path', 'Required', 'Optional'],
      endpoints.map(({ path, set }) => {
        const required = set.required ?? []
        const optional = set.parameters.map(({ name }) => name).filter((name) => !required.includes(name))
        return [code(path), listed(required), listed(optional)]
      }),
    ),
  ])
}

function parameterTable(parameters: readonly Parameter[]): string {
  return table(
    ['Parameter', 'Streams', 'Accepted', 'Meaning', 'Example'],
    parameters.map((parameter) => [
      code(parameter.name),
      parameter.streams.length === streams.length ? 'all' : parameter.streams.join(', '),
      accepted(parameter.kind),
      parameter.summary,
      code(parameter.example),
    ]),
  )
}

function accepted(kind: ParameterKind): string {
  switch (kind.type) {
    case 'text':
      return `text, at most ${kind.lengthMax} characters`
    case 'prefix':
      return `text, at most ${kind.lengthMax} characters; a prefix when it ends in ${code('*')}${kind.isDotted ? ` or ${code('.')}` : ''}`
    case 'pattern':
      return kind.meaning
    case 'choice': {
      const aliases = Object.entries(kind.aliases ?? {}).map(
        ([from, to]) => `${code(from)} means ${code(to)}`,
      )
      return [kind.values.map(code).join(' '), ...aliases].join('; ')
    }
    case 'integer': {
      const range = kind.max === Number.MAX_SAFE_INTEGER ? `from ${kind.min}` : `${kind.min} to ${kind.max}`
      return `integer ${range}${kind.default === undefined ? '' : `, default ${kind.default}`}`
    }
    case 'exclusion':
      return 'a parameter of this table, a colon, and a value of it; not `since`, `until`, `q`'
    case 'time':
      return 'RFC 3339, date, `now`, or relative'
    case 'streams':
      return 'comma-separated'
  }
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.map(code).join(' '))
