// SPDX-License-Identifier: Apache-2.0
import react from '@vitejs/plugin-react'
import { join } from 'node:path'
import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite'

/** Asks for the fonts of every first view with the page: once the styles name them, text has been drawn in another font already, and moves. */
const fontsEarly: Plugin = {
  name: 'fonts-early',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle = {} }) =>
      Object.keys(bundle)
        .filter((name) => /geist(?:-mono)?-latin-wght-normal-.*\.woff2$/.test(name))
        .map((name): HtmlTagDescriptor => ({
          tag: 'link',
          attrs: { rel: 'preload', href: `/${name}`, as: 'font', type: 'font/woff2', crossorigin: '' },
          injectTo: 'head',
        })),
  },
}

/** Says the order of the layers (theme/base.css) before everything: styles of parts that several screens share are put together ahead of it. */
const layersFirst: Plugin = {
  name: 'layers-first',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const file of Object.values(bundle))
        if (file.type === 'asset' && file.fileName.endsWith('.css'))
          file.source = `@layer base,parts,screens;${String(file.source)}`
    },
  },
}

/** The pages as files that a server hands out unchanged: names carry hashes, nothing is inline, so the strictest policy for contents holds. */
export default defineConfig({
  root: join(import.meta.dirname, 'page'),
  plugins: [react(), fontsEarly, layersFirst],
  // Conditions of the repository: the library's sources, without a build of its own.
  resolve: { conditions: ['fasten-source', 'module', 'browser', 'import', 'default'] },
  build: {
    outDir: join(import.meta.dirname, 'dist/page'),
    emptyOutDir: true,
    // One file, ten kilobytes as sent.
    cssCodeSplit: false,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined fonts and pictures would need a policy that allows data addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
