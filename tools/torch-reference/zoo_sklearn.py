"""Classifiers of scikit-learn, by skl2onnx, on the handwritten digits that come with scikit-learn.

Their gradients are central differences of their own log-probabilities, which they compute in float64. Models without a
gradient are exported too: there the answer has to be an error.
"""
import numpy as np
import skl2onnx
import sklearn
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, GradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

STEP = 1e-4
BATCH = 4
OPSETS = (18, 15, 13, 11)

# Without a gradient; nor do the probabilities of an SVC have one that can be written down: they are found by iteration.
TREES = {
    "decision_tree": DecisionTreeClassifier(max_depth=4),
    "random_forest": RandomForestClassifier(n_estimators=5, max_depth=4),
    "gradient_boosting": GradientBoostingClassifier(n_estimators=3),
    "nearest_neighbours": KNeighborsClassifier(),
    "ada_boost": AdaBoostClassifier(n_estimators=3),
}
SMOOTH = {
    "logistic_regression": LogisticRegression(max_iter=2000),
    "one_against_rest": OneVsRestClassifier(LogisticRegression(max_iter=2000)),
    "mlp": MLPClassifier((16,), max_iter=60),
    "mlp_tanh": MLPClassifier((16, 12), activation="tanh", max_iter=60),
    "scaled_logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    "scaled_mlp": make_pipeline(MinMaxScaler(), MLPClassifier((16,), max_iter=60)),
    "pca_logistic_regression": make_pipeline(PCA(12), LogisticRegression(max_iter=2000)),
    "normalized_logistic_regression": make_pipeline(Normalizer(), LogisticRegression(max_iter=2000)),
    "polynomial_logistic_regression": make_pipeline(PCA(4), PolynomialFeatures(2), LogisticRegression(max_iter=2000)),
    "linear_discriminant_analysis": LinearDiscriminantAnalysis(),
    "sgd": SGDClassifier(loss="log_loss"),
    "gaussian_naive_bayes": GaussianNB(var_smoothing=1e-2),
    "voting": VotingClassifier([("a", LogisticRegression(max_iter=2000)), ("b", GaussianNB(var_smoothing=1e-2))], voting="soft", flatten_transform=False),
    "bagging": BaggingClassifier(LogisticRegression(max_iter=2000), n_estimators=2),
    "linear_svc": LinearSVC(),
    "ridge": RidgeClassifier(),
    "svc_linear": SVC(kernel="linear"),
    "svc_rbf": SVC(),
    "svc_poly": SVC(kernel="poly", coef0=0.5),
    "svc_sigmoid": SVC(kernel="sigmoid", gamma=0.01),
    "svc_probability": SVC(probability=True),
}
# skl2onnx gives the two scores of a binary SVC the wrong way round, and one score for a binary LinearSVC.
BINARY = {"logistic_regression", "mlp", "sgd", "gradient_boosting"}


def scores(model, x):
    """What the exported model gives as scores, as logits: log-probabilities, or the decision function."""
    if hasattr(model, "predict_proba"):
        return model.predict_log_proba(x) if hasattr(model, "predict_log_proba") else np.log(model.predict_proba(x)), True
    values = model.decision_function(x)
    return (np.stack([-values, values], 1) if values.ndim == 1 else values), False


def loss(model, x, y):
    z = scores(model, x)[0]
    top = z.max(1, keepdims=True)
    return (top + np.log(np.exp(z - top).sum(1, keepdims=True)))[:, 0] - z[np.arange(len(y)), y]


def differences(model, x, y):
    gradient = np.empty_like(x)
    for i in range(x.shape[1]):
        step = np.zeros(x.shape[1])
        step[i] = STEP
        far, near = (loss(model, x + k * step, y) - loss(model, x - k * step, y) for k in (2, 1))
        gradient[:, i] = (8 * near - far) / (12 * STEP)
    return gradient


def case(model, binary):
    def write(folder, opset):
        images, labels = load_digits(return_X_y=True)
        images = images / 16 + 0.01
        if binary:
            images, labels = images[labels < 2], labels[labels < 2]
        np.random.seed(0)
        model.fit(images[:600], labels[:600])
        x = images[600 if not binary else 300 :][:BATCH].astype(np.float32)
        options = {} if isinstance(model, LinearSVC) else {id(model): {"zipmap": False}}
        onnx = skl2onnx.to_onnx(model, x[:1], target_opset={"": opset, "ai.onnx.ml": 3}, options=options)
        (folder / "model.onnx").write_bytes(onnx.SerializeToString())
        exact = x.astype(np.float64)
        y = (model.predict(exact).astype(np.int64) + np.arange(BATCH) % 2) % (2 if binary else 10)
        logits, probabilities = scores(model, exact)
        steps = type(model) in [type(tree) for tree in TREES.values()]
        grad = np.zeros_like(exact) if steps else differences(model, exact, y)
        np.savez(folder / "values.npz", x=x, y=y, logits=logits.astype(np.float32), grad=grad.astype(np.float32))
        output = onnx.graph.output[1].name
        return {"sklearn": sklearn.__version__, "output": output, "probabilities": probabilities, "refusal": steps or getattr(model, "probability", False) is True}

    return write


def cases():
    for name, model in {**SMOOTH, **TREES}.items():
        yield name, "skl2onnx", OPSETS, case(model, False)
    for name, model in {**SMOOTH, **TREES}.items():
        if name in BINARY:
            yield f"{name}_binary", "skl2onnx", OPSETS, case(model, True)
