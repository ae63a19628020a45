// SPDX-License-Identifier: Apache-2.0
import { join, relative } from 'node:path'
import { root } from './setup/root.mjs'
import { packStaged, stagePackage } from './stage-package.ts'

const folder = join(root, '.cache/package')
stagePackage(root, folder)
const { path, files, unpackedBytes } = packStaged(folder, join(root, '.cache'))
console.log(
  `${relative(process.cwd(), path)}: ${files.length} files, ${(unpackedBytes / 1000).toFixed(0)} kB unpacked`,
)
console.log(`publish with: npm publish ${relative(process.cwd(), folder)}`)
