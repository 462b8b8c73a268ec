/** How far the first-order view of the loss holds (Goodfellow et al. 2015, §3): means over `samples`. */
export interface Linearity {
  readonly samples: number;
  readonly points: readonly {
    readonly epsilon: number;
    /** ε‖∇x J‖ in the dual norm: the rise if the loss were linear and the bounds absent. */
    readonly predicted: number;
    /** ⟨∇x J, x' - x⟩ with the perturbation that was really applied, after clipping to the bounds. */
    readonly predictedClipped: number;
    /** J(x') - J(x). */
    readonly measured: number;
  }[];
  /** The same network, perturbed in blocks of pixels only: how the rise grows with the number of free dimensions. */
  readonly dimensions: readonly {
    /** Free dimensions of the perturbation. */
    readonly dimensions: number;
    readonly epsilon: number;
    readonly predicted: number;
    readonly measured: number;
    /** The rise by a random perturbation of the same norm, for comparison. */
    readonly random: number;
  }[];
}
