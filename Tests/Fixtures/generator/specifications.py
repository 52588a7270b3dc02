"""The tiny models: one of each kind that latentd must run. Widths are small and awkward on purpose."""

import torch

from .bpe import END

_SD_BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "trained_betas": None,
}

#: The scheduler file of Stable Diffusion 1.x: old, and silent about spacing and prediction type.
_PNDM = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    **_SD_BETAS,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
}


def text(hidden_act="quick_gelu", hidden=32, layers=3, heads=4, length=77, eos=2):
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": eos,
        "hidden_act": hidden_act,
        "hidden_size": hidden,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": hidden * 3,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": length,
        "model_type": "clip_text_model",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 1,
        "projection_dim": hidden,
        "vocab_size": 768,
    }


def kl(widths=(16, 16, 24, 24), layers=1, scaling=0.18215):
    return {
        "_class_name": "AutoencoderKL",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "block_out_channels": list(widths),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": layers,
        "norm_num_groups": 8,
        "out_channels": 3,
        "sample_size": 64,
        "scaling_factor": scaling,
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
    }


def _unet(**settings):
    return {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "center_input_sample": False,
        "cross_attention_dim": 32,
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": 8,
        "out_channels": 4,
        "sample_size": 8,
        **settings,
    }


def _cross(count):
    return ["CrossAttnDownBlock2D"] * count, ["CrossAttnUpBlock2D"] * count


SPECIFICATIONS = {
    # Stable Diffusion 1.x: convolution projections, a number of heads, KL autoencoder with the old attention names.
    "sd1": {
        "unet": _unet(
            block_out_channels=[16, 16, 24, 24],
            down_block_types=[*_cross(3)[0], "DownBlock2D"],
            up_block_types=["UpBlock2D", *_cross(3)[1]],
            layers_per_block=2,
            attention_head_dim=4,
        ),
        "vae": kl(widths=(8, 16, 16, 24), layers=2),
        "old_attention_names": True,
        "text": text(),
        "position_ids": True,
        "scheduler": _PNDM,
        "padding": END,
        "type": torch.float16,
    },
    # Stable Diffusion 2.x: linear projections, a list of heads, v-prediction, gelu, "!" as padding.
    "sd2": {
        "unet": _unet(
            block_out_channels=[32, 32, 32],
            down_block_types=[*_cross(2)[0], "DownBlock2D"],
            up_block_types=["UpBlock2D", *_cross(2)[1]],
            layers_per_block=1,
            attention_head_dim=[2, 4, 8],
            norm_num_groups=16,
            use_linear_projection=True,
            dual_cross_attention=False,
            upcast_attention=True,
            only_cross_attention=False,
        ),
        "vae": kl(),
        "text": text(hidden_act="gelu", layers=2, heads=2),
        "scheduler": {
            "_class_name": "DDIMScheduler",
            "_diffusers_version": "0.10.2",
            **_SD_BETAS,
            "clip_sample": False,
            "prediction_type": "v_prediction",
            "set_alpha_to_one": False,
            "skip_prk_steps": True,
            "steps_offset": 1,
        },
        "padding": "!",
        "type": torch.float16,
    },
    # A pruned student in the manner of BK-SDM-Tiny: three levels, one layer each, no middle block.
    "pruned": {
        "unet": _unet(
            block_out_channels=[16, 32, 40],
            down_block_types=_cross(3)[0],
            mid_block_type=None,
            up_block_types=_cross(3)[1],
            layers_per_block=1,
            attention_head_dim=8,
        ),
        "vae": kl(widths=(8, 16, 16, 24)),
        "text": text(length=24),
        "scheduler": {**_PNDM, "prediction_type": "epsilon"},
        "padding": END,
        "type": torch.bfloat16,
    },
    # A latent consistency model: the guidance scale is an input of the UNet.
    "lcm": {
        "unet": _unet(
            block_out_channels=[16, 32],
            down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
            mid_block_type="UNetMidBlock2DCrossAttn",
            up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
            layers_per_block=2,
            attention_head_dim=4,
            time_cond_proj_dim=24,
        ),
        "vae": kl(widths=(8, 8, 16, 16)),
        "text": text(length=24, layers=2),
        "scheduler": {
            "_class_name": "LCMScheduler",
            "_diffusers_version": "0.22.0",
            **_SD_BETAS,
            "clip_sample": False,
            "clip_sample_range": 1.0,
            "dynamic_thresholding_ratio": 0.995,
            "original_inference_steps": 50,
            "prediction_type": "epsilon",
            "rescale_betas_zero_snr": False,
            "sample_max_value": 1.0,
            "set_alpha_to_one": True,
            "steps_offset": 0,
            "thresholding": False,
            "timestep_scaling": 10.0,
            "timestep_spacing": "leading",
        },
        "padding": END,
        "type": torch.float32,
    },
    # The kind of our embedded model: AutoencoderTiny, v-prediction, zero terminal SNR, trailing timesteps.
    "tiny": {
        "unet": _unet(
            block_out_channels=[16, 32, 32],
            down_block_types=["DownBlock2D", *_cross(2)[0]],
            mid_block_type="UNetMidBlock2DCrossAttn",
            up_block_types=[*_cross(2)[1], "UpBlock2D"],
            layers_per_block=1,
            attention_head_dim=2,
            use_linear_projection=True,
        ),
        "vae": {
            "_class_name": "AutoencoderTiny",
            "_diffusers_version": "0.42.1",
            "act_fn": "relu",
            "decoder_block_out_channels": [16, 16, 16, 16],
            "encoder_block_out_channels": [16, 16, 16, 16],
            "in_channels": 3,
            "latent_channels": 4,
            "latent_magnitude": 3,
            "latent_shift": 0.5,
            "num_decoder_blocks": [2, 2, 1, 1],
            "num_encoder_blocks": [1, 1, 1, 1],
            "out_channels": 3,
            "scaling_factor": 1.25,
            "upsampling_scaling_factor": 2,
        },
        "text": text(length=24, eos=767),
        "scheduler": {
            "_class_name": "DDIMScheduler",
            "_diffusers_version": "0.42.1",
            **_SD_BETAS,
            "clip_sample": False,
            "prediction_type": "v_prediction",
            "rescale_betas_zero_snr": True,
            "set_alpha_to_one": True,
            "steps_offset": 0,
            "timestep_spacing": "trailing",
        },
        "padding": END,
        "type": torch.float16,
    },
    # Everything that a config may say otherwise; sharded files of mixed types.
    "odd": {
        "unet": _unet(
            block_out_channels=[24, 16, 32],
            down_block_types=["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
            mid_block_type="UNetMidBlock2D",
            up_block_types=["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"],
            layers_per_block=[1, 2, 1],
            transformer_layers_per_block=[1, 1, 2],
            attention_head_dim=[3, 2, 4],
            cross_attention_dim=40,
            norm_eps=1e-06,
            norm_num_groups=4,
            flip_sin_to_cos=False,
            freq_shift=1,
            sample_size=[7, 9],
        ),
        "vae": kl(widths=(8, 16, 16, 24), scaling=0.13025),
        "text": text(hidden_act="gelu", hidden=40, layers=1, heads=5, length=16),
        "scheduler": {
            "_class_name": "EulerDiscreteScheduler",
            "_diffusers_version": "0.42.1",
            "beta_start": 0.0001,
            "beta_end": 0.02,
            "beta_schedule": "linear",
            "num_train_timesteps": 500,
            "prediction_type": "epsilon",
            "steps_offset": 1,
            "timestep_spacing": "leading",
        },
        "padding": END,
        "type": None,
        "shard_bytes": 150_000,
    },
}
