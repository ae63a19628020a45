// SPDX-License-Identifier: Apache-2.0
import type { OptionSpec } from './command.ts'

const group = 'Catalogue:'

/** The options by which a command learns an application's codes. */
export const catalogueOptions: readonly OptionSpec[] = [
  {
    name: 'catalog',
    value: '<pattern>',
    summary: 'a *.codes.yaml file, folder or quoted pattern; repeatable; else FASTEN_CODES',
    isRepeatable: true,
    isFile: true,
    group,
  },
  {
    name: 'import',
    value: '<module>',
    summary: 'a JavaScript or TypeScript module that registers or exports codes; repeatable',
    isRepeatable: true,
    isFile: true,
    group,
  },
]
