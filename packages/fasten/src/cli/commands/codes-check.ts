// SPDX-License-Identifier: Apache-2.0
import type { CheckReport } from '../../capture/codes-check.ts'
import { catalogueOptions } from '../catalogue-options.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'

export const name = 'codes check'
export const summary = 'judge a catalogue, and whether the source code agrees with it'
export const description =
  'Lists everything wrong with the files of a catalogue, each with its line; with --source also codes that are emitted and ' +
  'not defined (an error), and defined and never named (a warning). Exit code 1 when there is an error.'
export const words = [{ name: 'catalog', summary: 'the same as --catalog', isRepeatable: true, isFile: true }]

export const options: readonly OptionSpec[] = [
  ...catalogueOptions,
  {
    name: 'source',
    value: '<path>',
    summary: 'a file or folder of JavaScript or TypeScript that emits; repeatable',
    isRepeatable: true,
    isFile: true,
  },
  { name: 'strict', summary: 'warnings fail the check as well' },
  { name: 'json', short: 'j', summary: 'the report as one JSON object' },
]

export const examples = [
  ['fasten codes check codes/*.codes.yaml --source src', 'in CI: catalogue and code agree'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ loadCatalogue, requireNamed }, { checkCodes }, { placeText }] = await Promise.all([
    import('../catalogue.ts'),
    import('../../capture/codes-check.ts'),
    import('../../capture/codes.ts'),
  ])
  const catalogue = await loadCatalogue(args, world)
  requireNamed(args, catalogue)
  const report = checkCodes(catalogue, sourcesOf(args), world.cwd)
  const isPassed = report.isSound && !(args.flag('strict') && report.findings.length > 0)
  if (args.flag('json')) await world.out.line(jsonLine({ ...report, isPassed }))
  else
    await world.out.lines(
      reportLines(report, world, (place) => placeText({ code: '', message: '', ...place }, world.cwd)),
    )
  return isPassed ? exitCodes.ok : exitCodes.findings
}

function sourcesOf(args: Args): readonly string[] {
  return args.list('source')
}

interface FilePlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** As compilers print: `file:line:column  error  what`, so that editors jump there. */
function reportLines(
  report: CheckReport,
  world: World,
  placeOf: (place: FilePlace) => string,
): readonly string[] {
  const { paint } = world.out.look
  const line = (place: FilePlace, weight: 'error' | 'warning', code: string, message: string): string => {
    const where = place.file === '' ? '' : `${visible(placeOf(place))}  `
    return `${where}${paint(weight === 'error' ? 'danger' : 'caution', weight)}  ${visible(message)}  ${paint('quiet', visible(code))}`
  }
  const errors =
    report.problems.length + report.findings.filter((finding) => finding.weight === 'error').length
  const warnings = report.findings.length + report.problems.length - errors
  const amount = [
    `${counted(report.codes, 'code')} in ${counted(report.files.length, 'file')}`,
    ...(report.sources > 0 ? [`${counted(report.sources, 'source file')} searched`] : []),
    `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
  ]
  return [
    ...report.problems.map((problem) => line(problem, 'error', problem.code, problem.message)),
    ...report.findings.map((finding) => line(finding, finding.weight, finding.kind, finding.message)),
    `${errors === 0 ? paint('good', '✓') : paint('alarm', '✗')} ${amount.join('; ')}`,
  ]
}
