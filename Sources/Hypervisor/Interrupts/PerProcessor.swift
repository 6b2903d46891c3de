/// One `Element` for each vCPU, by its index, which is its core's too.
typealias PerProcessor<Element: ~Copyable> = InlineArray<8, Element>
