// SPDX-License-Identifier: Apache-2.0
import react from '@vitejs/plugin-react'
import { join } from 'node:path'
import { defineConfig } from 'vite'

/** The pages as files that a server hands out unchanged: names carry hashes, nothing is inline, so the strictest policy for contents holds. */
export default defineConfig({
  root: join(import.meta.dirname, 'page'),
  plugins: [react()],
  // Conditions of the repository: the library's sources, without a build of its own.
  resolve: { conditions: ['fasten-source', 'module', 'browser', 'import', 'default'] },
  build: {
    outDir: join(import.meta.dirname, 'dist/page'),
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined fonts and pictures would need a policy that allows data addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
