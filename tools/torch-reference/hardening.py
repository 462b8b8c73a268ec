"""Makes test/fixtures/hardening/steps.json (torch 2.13.0): the gradient of one step of every method of `perturb harden`.

Each method is written here from its paper, on a small convolutional network and in float64. The draws of the inner attacks are those of perturb: they come in
as data, from its build. Run it at the root of the checkout, after `node scripts/setup.js setup`: python tools/torch-reference/hardening.py
"""
import json
import subprocess
from pathlib import Path

import torch
import torch.nn.functional as F

EPSILON, CLASSES, SEED, EPOCH, STREAM = 0.1, 4, 5, 2, 0x68617264
INDICES = [3, 11, 7, 20, 0, 2]
SHAPE = [1, 5, 5]
PROGRESS = 0.3  # of the training, for schedules
OUT = Path(__file__).parents[2] / "test/fixtures/hardening/steps.json"


def draws(kind, copies=1):
    each = copies * SHAPE[0] * SHAPE[1] * SHAPE[2]
    program = f"""import {{ randomFor }} from "perturb";
    const all = {json.dumps(INDICES)}.flatMap((index) => {{
      const random = randomFor({SEED}, index, {STREAM}, {EPOCH});
      return Array.from({{ length: {each} }}, () => random.{kind}());
    }});
    console.log(JSON.stringify(all));"""
    values = json.loads(subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, check=True).stdout)
    assert len(values) == len(INDICES) * each
    t = torch.tensor(values, dtype=torch.float64).reshape(len(INDICES), copies, *SHAPE)
    return t[:, 0] if copies == 1 else t


def rounded(t):
    """As float32, which is what perturb gets."""
    return t.to(torch.float32).to(torch.float64)


torch.manual_seed(0)
X = rounded(torch.rand(len(INDICES), *SHAPE, dtype=torch.float64))
Y = torch.tensor([0, 1, 2, 3, 0, 2])
WEIGHTS = {
    "conv.weight": torch.randn(2, 1, 3, 3),
    "conv.bias": torch.randn(2) * 0.1,
    "fc1.weight": torch.randn(6, 18) * 0.4,
    "fc1.bias": torch.randn(6) * 0.1,
    "fc2.weight": torch.randn(CLASSES, 6) * 0.6,
    "fc2.bias": torch.randn(CLASSES) * 0.1,
}
WEIGHTS = {name: w.to(torch.float64) for name, w in WEIGHTS.items()}
UNIFORM, NORMAL, TWO = draws("uniform"), draws("normal"), draws("normal", 2)


def net(p, x):
    h = F.relu(F.conv2d(x, p["conv.weight"], p["conv.bias"])).flatten(1)
    h = F.relu(F.linear(h, p["fc1.weight"], p["fc1.bias"]))
    return F.linear(h, p["fc2.weight"], p["fc2.bias"])


def kl(p, q):
    """KL(softmax(p) || softmax(q)), of each sample."""
    return (F.softmax(p, 1) * (F.log_softmax(p, 1) - F.log_softmax(q, 1))).sum(1)


def slope(of, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(of(x).sum(), x)[0]


def inside(x):
    return x.clamp(0, 1)


def climb(start, steps, size, of, radius=EPSILON):
    x = start
    for _ in range(steps):
        x = inside(torch.min(torch.max(x + size * slope(of, x).sign(), X - radius), X + radius))
    return x.detach()


def ce(p):
    return lambda x: F.cross_entropy(net(p, x), Y, reduction="none")


def random_start():
    return inside(X + EPSILON * (2 * UNIFORM - 1))


def standard(p):
    return ce(p)(X)


def smoothed(p):
    return F.cross_entropy(net(p, X), Y, reduction="none", label_smoothing=0.1)


def fgsm_rs(p):
    return ce(p)(climb(X + EPSILON * (2 * UNIFORM - 1), 1, 1.25 * EPSILON, ce(p)))


def n_fgsm(p):
    noise = 2 * EPSILON * (2 * UNIFORM - 1)
    return ce(p)(inside(X + noise + EPSILON * slope(ce(p), inside(X + noise)).sign()).detach())


def pgd_points(p):
    return climb(random_start(), 7, EPSILON / 4, ce(p))


def pgd(p):
    return ce(p)(pgd_points(p))


def trades(p, beta=6):
    clean = net(p, X).detach()
    points = climb(X + 0.001 * NORMAL, 10, EPSILON / 4, lambda x: kl(clean, net(p, x)))
    return ce(p)(X) + beta * kl(net(p, X), net(p, points))


def mart(p, beta=5):
    points = climb(random_start(), 10, EPSILON / 4, ce(p))
    adversarial = F.softmax(net(p, points), 1)
    others = adversarial.masked_fill(F.one_hot(Y, CLASSES).bool(), -1).max(1).values
    boosted = F.cross_entropy(net(p, points), Y, reduction="none") - torch.log(1.0001 - others + 1e-12)
    truth = F.softmax(net(p, X), 1).gather(1, Y[:, None]).squeeze(1)
    return boosted + beta * kl(net(p, X), net(p, points)) * (1.0000001 - truth)


def risen(warmup=0.05, ramp=0.5):
    return min(1, max(0, PROGRESS - warmup) / ramp)


def intervals(p, x, radius):
    """The ends of the input and of both values before a Relu, and upper bounds of z_k - z_y."""
    lower, upper = inside(x - radius), inside(x + radius)
    ends = [(lower, upper)]

    def through(layer, weight, bias, lower, upper):
        middle = layer(lower / 2 + upper / 2, p[weight], p[bias])
        reach = layer(upper / 2 - lower / 2, p[weight].abs(), None)
        return middle - reach, middle + reach

    ends.append(through(F.conv2d, "conv.weight", "conv.bias", lower, upper))
    lower, upper = (F.relu(end).flatten(1) for end in ends[-1])
    ends.append(through(F.linear, "fc1.weight", "fc1.bias", lower, upper))
    lower, upper = (F.relu(end) for end in ends[-1])
    # Of z_k - z_y at once: the last layer is elided.
    rows = p["fc2.weight"][None] - p["fc2.weight"][Y][:, None]
    constants = p["fc2.bias"][None] - p["fc2.bias"][Y][:, None]
    worst = torch.einsum("nkh,nh->nk", rows.clamp(min=0), upper) + torch.einsum("nkh,nh->nk", rows.clamp(max=0), lower) + constants
    return ends, worst


def ibp(p, kappa=0.5):
    kappa, radius = 1 - risen() * (1 - kappa), risen() * EPSILON
    worst = intervals(p, X, radius)[1]
    return kappa * ce(p)(X) + (1 - kappa) * F.cross_entropy(worst, Y, reduction="none")


def lines(p, ends):
    """Lower bounds of z_y - z_k: coefficients sent from the margins to the input, with biases as constants."""
    def relaxed(a, lower, upper):
        chord = (F.relu(upper) - F.relu(lower)) / (upper - lower)
        above = F.relu(lower) - chord * lower
        crosses = (lower < 0) & (upper > 0)
        below = torch.where(crosses, (upper > -lower).to(chord.dtype), chord)
        a, above, chord, below = a.flatten(2), above.flatten(1), chord.flatten(1), below.flatten(1)
        constant = (a.clamp(max=0) * above[:, None]).sum(2)
        return a.clamp(min=0) * below[:, None] + a.clamp(max=0) * chord[:, None], constant

    (low, high), conv, fc1 = ends
    a = p["fc2.weight"][Y][:, None] - p["fc2.weight"][None]
    total = p["fc2.bias"][Y][:, None] - p["fc2.bias"][None]
    a, constant = relaxed(a, *fc1)
    total = total + constant + a @ p["fc1.bias"]
    a, constant = relaxed(a @ p["fc1.weight"], *conv)
    maps = a.reshape(-1, *conv[0].shape[1:])
    total = total + constant + (maps.sum((2, 3)) @ p["conv.bias"]).reshape(total.shape)
    a = F.conv_transpose2d(maps, p["conv.weight"]).reshape(len(X), CLASSES, -1)
    return total + (a.clamp(min=0) * low.flatten(1)[:, None] + a.clamp(max=0) * high.flatten(1)[:, None]).sum(2)


def crown_ibp(p, kappa=0.5):
    kappa, beta, radius = 1 - risen() * (1 - kappa), 1 - risen(), risen() * EPSILON
    ends, worst = intervals(p, X, radius)
    worst = -(1 - beta) * -worst - beta * lines(p, ends)
    return kappa * ce(p)(X) + (1 - kappa) * F.cross_entropy(worst, Y, reduction="none")


def sabr(p, box=0.4):
    rest = risen() * EPSILON * (1 - box)
    points = climb(inside(X + rest * (2 * UNIFORM - 1)), 8, rest / 2, ce(p), rest)
    return F.cross_entropy(intervals(p, points, box * risen() * EPSILON)[1], Y, reduction="none")


def under(p, x, noise):
    """Logits [samples, copies, classes] of samples with noise."""
    noisy = x[:, None] + 0.25 * noise
    return net(p, noisy.flatten(0, 1)).unflatten(0, noisy.shape[:2])


def of_copies(z):
    return F.cross_entropy(z.flatten(0, 1), Y.repeat_interleave(z.shape[1]), reduction="none").reshape(z.shape[:2]).mean(1)


def gaussian(p):
    return of_copies(under(p, X, NORMAL[:, None]))


def consistency(p, lambda_=10, eta=0.5):
    z = under(p, X, TWO)
    mean = F.softmax(z, 2).mean(1)
    apart = (mean[:, None] * (mean.log()[:, None] - F.log_softmax(z, 2))).sum(2).mean(1)
    return of_copies(z) + lambda_ * apart - eta * (mean * mean.log()).sum(1)


def ascended(x, g, length):
    """x + clip(t g) into [0, 1], with t so large that the step has this length: the best step of the ball cut by the box."""
    low, high = torch.zeros(len(x), 1, 1, 1, dtype=x.dtype), torch.full((len(x), 1, 1, 1), 1e9, dtype=x.dtype)
    for _ in range(200):
        t = (low + high) / 2
        is_long = ((inside(x + t * g) - x).flatten(1).norm(dim=1) > length)[:, None, None, None]
        low, high = torch.where(is_long, low, t), torch.where(is_long, t, high)
    return inside(x + low * g)


def smooth_adv(p):
    of = lambda x: -F.softmax(under(p, x, TWO), 2)[torch.arange(len(X)), :, Y].mean(1).log()
    x = X
    for _ in range(4):
        x = ascended(x, slope(of, x), EPSILON / 2)
        off = x - X
        x = inside(X + off * (EPSILON / off.flatten(1).norm(dim=1)).clamp(max=1)[:, None, None, None])
    return of_copies(under(p, x.detach(), TWO))


def grad_align(p, lambda_=0.2):
    def by_input(x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(ce(p)(x).sum(), x, create_graph=True)[0].flatten(1)

    points = inside(X + EPSILON * slope(ce(p), X).sign())
    cosine = F.cosine_similarity(by_input(X), by_input(X + EPSILON * (2 * UNIFORM - 1)), dim=1)
    return ce(p)(points) + lambda_ * (1 - cosine)


def gradients(loss, weights):
    p = {name: w.clone().requires_grad_() for name, w in weights.items()}
    value = loss(p).mean()
    return value.item(), dict(zip(p, torch.autograd.grad(value, list(p.values()))))


def awp(gamma=0.005):
    """PGD's points of the weights as they are, then the gradient at weights moved up the loss."""
    points = pgd_points(WEIGHTS)
    at = lambda p: F.cross_entropy(net(p, points), Y, reduction="none")
    value, first = gradients(at, WEIGHTS)
    moved = {
        name: w + gamma * w.norm() * first[name] / first[name].norm() if w.dim() > 1 else w for name, w in WEIGHTS.items()
    }
    return value, gradients(at, moved)[1]


def listed(t):
    return [float(f"{v:.9g}") for v in t.flatten().tolist()]


WEIGHTS = {name: rounded(w) for name, w in WEIGHTS.items()}
methods = {"standard": standard, "fgsm-rs": fgsm_rs, "n-fgsm": n_fgsm, "pgd": pgd, "trades": trades, "mart": mart, "ibp": ibp, "crown-ibp": crown_ibp, "sabr": sabr,
           "gaussian": gaussian, "consistency": consistency, "smooth-adv": smooth_adv, "grad-align": grad_align}
found = {name: gradients(loss, WEIGHTS) for name, loss in methods.items()} | {"awp": awp(), "standard, labelSmoothing 0.1": gradients(smoothed, WEIGHTS)}
OUT.write_text(
    json.dumps(
        {
            "epsilon": EPSILON, "seed": SEED, "epoch": EPOCH, "progress": PROGRESS, "indices": INDICES,
            "x": listed(X), "labels": Y.tolist(),
            "weights": {name: {"dims": list(w.shape), "data": listed(w)} for name, w in WEIGHTS.items()},
            "steps": {
                name: {"loss": loss, "gradient": [v for g in by.values() for v in listed(g)]} for name, (loss, by) in found.items()
            },
        }
    )
    + "\n"
)
for name, (loss, by) in found.items():
    print(name, round(loss, 6), round(max(g.abs().max().item() for g in by.values()), 6))
