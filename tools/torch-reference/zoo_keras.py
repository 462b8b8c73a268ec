"""Keras classifiers by tf2onnx: channels last, a softmax at the end."""
import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers as l

OPSETS = (18, 15, 13, 11)
BATCH = 3


def conv_net(x):
    x = l.Conv2D(8, 3, activation="relu", padding="same")(x)
    x = l.MaxPooling2D()(x)
    x = l.Conv2D(12, 3, strides=2, padding="same", use_bias=False)(x)
    x = l.ReLU(max_value=6)(l.BatchNormalization()(x))
    return l.Dense(16, activation="tanh")(l.Dropout(0.5)(l.Flatten()(x)))


def separable(x):
    x = l.SeparableConv2D(8, 3, activation="swish")(l.Rescaling(2.0, -1.0)(x))
    x = l.DepthwiseConv2D(3, padding="same", strides=2)(x)
    x = l.LeakyReLU()(l.LayerNormalization()(x))
    x = l.concatenate([x, l.AveragePooling2D(3, strides=1, padding="same")(x)])
    x = l.UpSampling2D()(x)
    gate = l.Dense(16, activation="hard_sigmoid")(l.GlobalAveragePooling2D(keepdims=True)(x))
    return l.GlobalMaxPooling2D()(l.multiply([x, gate]))


def attention(x):
    x = l.Reshape((16, -1))(x)
    x = l.Dense(16)(x)
    x = l.LayerNormalization()(l.add([x, l.MultiHeadAttention(2, 8)(x, x)]))
    return l.GlobalAveragePooling1D()(x)


def recurrent(x):
    return l.GRU(12)(l.LSTM(12, return_sequences=True)(l.Reshape((16, -1))(x)))


def dense(x):
    return l.Dense(16, activation="elu")(l.Dense(24, activation="selu")(l.Flatten()(x)))


def application(name):
    def features(x):
        make = getattr(keras.applications, name)
        return make(include_top=False, weights=None, input_shape=x.shape[1:], pooling="avg")(x)

    return features


MODELS = {
    "conv_net": (conv_net, (16, 16, 3)),
    "separable": (separable, (16, 16, 3)),
    "attention": (attention, (16, 16, 3)),
    "recurrent": (recurrent, (16, 16, 1)),
    "dense": (dense, (8, 8, 1)),
    "MobileNetV2": (application("MobileNetV2"), (64, 64, 3)),
    "MobileNetV3Small": (application("MobileNetV3Small"), (64, 64, 3)),
    "DenseNet121": (application("DenseNet121"), (64, 64, 3)),
    "ResNet50V2": (application("ResNet50V2"), (64, 64, 3)),
    "NASNetMobile": (application("NASNetMobile"), (64, 64, 3)),
}


def case(features, shape):
    def write(folder, opset):
        keras.utils.set_random_seed(0)
        image = keras.Input(shape)
        logits = l.Dense(10)(features(image))
        model = keras.Model(image, [l.Softmax()(logits), logits])
        random = np.random.default_rng(1)
        model(random.random((8, *shape), np.float32), training=True)
        x = tf.constant(random.random((BATCH, *shape), np.float32))
        y = tf.range(BATCH) * 3 % 10
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = model(x, training=False)[1]
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z))
        grad = tape.gradient(loss, x)
        classifier = tf.function(lambda image: model(image, training=False)[0])
        signature = [tf.TensorSpec((None, *shape), tf.float32, name="image")]
        tf2onnx.convert.from_function(classifier, signature, opset=opset, output_path=str(folder / "model.onnx"))
        np.savez(folder / "values.npz", x=x, y=np.int64(y), logits=z, grad=grad)
        return {"keras": keras.__version__, "tensorflow": tf.__version__}

    return write


def cases():
    for name, (features, shape) in MODELS.items():
        yield name, "tf2onnx", OPSETS, case(features, shape)
